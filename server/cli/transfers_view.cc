#include "server/cli/transfers_view.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/cli/format.h"

namespace fedcarbon::cli {
namespace {

const v1::TransferEntry& AnyEntry(const v1::TransferPair& pair) {
  return pair.has_client_entry() ? pair.client_entry() : pair.server_entry();
}

/// "up / down" of the client's direction and of the server's, as an end counted them; "-" where it did not.
std::string Counted(bool present, bool has_up, uint64_t up, bool has_down, uint64_t down) {
  if (!present) return "-";
  return absl::StrCat(has_up ? Thousands(up) : "?", " / ", has_down ? Thousands(down) : "?");
}

std::string StatusText(uint32_t status) { return status == 0 ? "" : absl::StrCat(status - 1); }

std::vector<std::string> Marks(const v1::TransferPair& pair) {
  std::vector<std::string> marks;
  if (pair.unconfirmed()) marks.push_back("unconfirmed");
  if (pair.disagreement()) marks.push_back("ends differ");
  if (pair.round_conflict()) marks.push_back("round conflict");
  if (!pair.has_client_entry() || !pair.has_server_entry()) marks.push_back("one end");
  return marks;
}

}  // namespace

std::string TransferTextHeader(const Style& style) {
  return Heading("start, client -> server, method; message bytes up / down at each end", style);
}

std::string TransferText(const v1::TransferPair& pair, const Style& style) {
  const v1::TransferEntry& entry = AnyEntry(pair);
  std::string round = pair.has_round() ? absl::StrCat("round ", Thousands(pair.round())) : "no round";
  std::string text = Fit(absl::StrCat(TimeText(entry.start_us()), "  ", NodeName(pair.client()), " -> ",
                                      NodeName(pair.server())),
                         style.width) +
                     "\n";
  std::vector<std::string> about = {Printable(pair.method()), round,
                                    DurationText(absl::Microseconds(entry.duration_us()))};
  if (entry.status() == 0) {
    about.push_back("goes on");
  } else if (entry.status() > 1) {
    about.push_back(absl::StrCat("status ", entry.status() - 1));
  }
  if (pair.attempt() > 0) about.push_back(absl::StrCat("attempt ", pair.attempt() + 1));
  if (pair.part() > 0) about.push_back(absl::StrCat("part ", pair.part() + 1));
  text += Wrap("  ", absl::StrJoin(about, ", "), style);
  const v1::TransferEntry& client = pair.client_entry();
  const v1::TransferEntry& server = pair.server_entry();
  std::string bytes = absl::StrCat(
      "client ",
      Counted(pair.has_client_entry(), client.has_sent_message_bytes(), client.sent_message_bytes(),
              client.has_received_message_bytes(), client.received_message_bytes()),
      ", server ",
      Counted(pair.has_server_entry(), server.has_received_message_bytes(), server.received_message_bytes(),
              server.has_sent_message_bytes(), server.sent_message_bytes()));
  const std::vector<std::string> marks = Marks(pair);
  if (!marks.empty()) absl::StrAppend(&bytes, "  [", absl::StrJoin(marks, ", "), "]");
  return text + Wrap("  ", bytes, style);
}

std::string TransferCsvHeader() {
  return CsvLine({"start",
                  "run",
                  "round",
                  "client",
                  "server",
                  "method",
                  "call_id",
                  "attempt",
                  "part",
                  "duration_s",
                  "client_status",
                  "server_status",
                  "client_sent_message_bytes",
                  "client_received_message_bytes",
                  "client_sent_encoded_bytes",
                  "client_received_encoded_bytes",
                  "server_sent_message_bytes",
                  "server_received_message_bytes",
                  "server_sent_encoded_bytes",
                  "server_received_encoded_bytes",
                  "unconfirmed",
                  "disagreement",
                  "round_conflict"});
}

std::string TransferCsv(const v1::TransferPair& pair) {
  const auto flag = [](bool value) { return std::string(value ? "true" : "false"); };
  const v1::TransferEntry& entry = AnyEntry(pair);
  std::vector<std::string> line = {
      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixMicros(entry.start_us()), absl::UTCTimeZone()),
      pair.run(),
      pair.has_round() ? absl::StrCat(pair.round()) : "",
      pair.client(),
      pair.server(),
      pair.method(),
      absl::StrFormat("%016x", pair.call_id()),
      absl::StrCat(pair.attempt()),
      absl::StrCat(pair.part()),
      CsvNumber(entry.duration_us() / 1e6),
      StatusText(pair.client_entry().status()),
      StatusText(pair.server_entry().status())};
  for (const v1::TransferEntry* end : {&pair.client_entry(), &pair.server_entry()}) {
    line.push_back(end->has_sent_message_bytes() ? absl::StrCat(end->sent_message_bytes()) : "");
    line.push_back(end->has_received_message_bytes() ? absl::StrCat(end->received_message_bytes()) : "");
    line.push_back(end->has_sent_encoded_bytes() ? absl::StrCat(end->sent_encoded_bytes()) : "");
    line.push_back(end->has_received_encoded_bytes() ? absl::StrCat(end->received_encoded_bytes()) : "");
  }
  line.push_back(flag(pair.unconfirmed()));
  line.push_back(flag(pair.disagreement()));
  line.push_back(flag(pair.round_conflict()));
  return CsvLine(line);
}

}  // namespace fedcarbon::cli
