#include "server/cli/inspect.h"

#include <google/protobuf/text_format.h>

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "fedcarbon/report/batch_reader.h"
#include "fedcarbon/status/status.h"
#include "server/cli/format.h"

namespace fedcarbon::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::TextFormat;
using Generator = TextFormat::BaseTextGenerator;

std::string ExactTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

/// Prints the text that an index stands for.
class NamePrinter : public TextFormat::FastFieldValuePrinter {
 public:
  explicit NamePrinter(const OpenedBatch* batch) : batch_(batch) {}
  void PrintUInt32(uint32_t index, Generator* generator) const override {
    generator->PrintString(absl::StrCat("\"", Printable(batch_->text(index)), "\""));
  }

 private:
  const OpenedBatch* const batch_;
};

/// Prints the UTC of a relative time.
class TimePrinter : public TextFormat::FastFieldValuePrinter {
 public:
  explicit TimePrinter(const OpenedBatch* batch) : batch_(batch) {}
  void PrintInt64(int64_t relative, Generator* generator) const override {
    generator->PrintString(ExactTime(batch_->time(relative)));
  }

 private:
  const OpenedBatch* const batch_;
};

bool IsNameIndex(const FieldDescriptor& field) {
  return field.type() == FieldDescriptor::TYPE_UINT32 &&
         (field.name() == "run" || field.name() == "peer" || field.name() == "method");
}

bool IsRelativeTime(const FieldDescriptor& field) {
  return field.type() == FieldDescriptor::TYPE_SINT64 &&
         (field.name() == "time_us" || field.name() == "start_us" || field.name() == "from_us" ||
          field.name() == "to_us");
}

void ReadNamesAndTimes(const OpenedBatch& batch, TextFormat::Printer* printer) {
  const auto* file = v1::Batch::descriptor()->file();
  for (int m = 0; m < file->message_type_count(); ++m) {
    for (int f = 0; f < file->message_type(m)->field_count(); ++f) {
      const FieldDescriptor* field = file->message_type(m)->field(f);
      if (field->is_repeated()) continue;
      if (IsNameIndex(*field)) printer->RegisterFieldValuePrinter(field, new NamePrinter(&batch));
      if (IsRelativeTime(*field)) printer->RegisterFieldValuePrinter(field, new TimePrinter(&batch));
    }
  }
}

std::string Count(const std::optional<Bytes>& bytes) { return bytes ? Thousands(bytes->count()) : "?"; }

std::string DirectionText(const char* name, const DirectionCounts& counts) {
  std::string kind = absl::AsciiStrToLower(v1::CountKind_Name(counts.kind).substr(sizeof("COUNT_KIND_") - 1));
  return absl::StrCat("  ", name, ": messages ", Thousands(counts.messages), ", message bytes ",
                      Count(counts.message_bytes), " (", kind, "), encoded ", Count(counts.encoded_bytes),
                      ", header ", Count(counts.header_bytes), "\n");
}

std::string TransferText(const Transfer& transfer) {
  const auto name = [](const std::string& text) { return text.empty() ? "(unknown)" : Printable(text); };
  std::string text = absl::StrCat(
      "transfer ", ExactTime(transfer.start), " ", DurationText(transfer.duration), " ",
      name(transfer.method), "\n  ", transfer.end == v1::END_CLIENT ? "client of " : "server of ",
      name(transfer.peer), ", seen by ", transfer.observer == v1::OBSERVER_PROXY ? "proxy" : "interceptor",
      ", run ", name(transfer.round.run), ", round ",
      transfer.round.round ? absl::StrCat(*transfer.round.round) : "(unknown)", "\n  call ",
      absl::StrFormat("%016x", transfer.call_id), ", attempt ", transfer.attempt, ", part ", transfer.part,
      ", status ", transfer.status ? absl::StrCat(*transfer.status) : "(goes on)",
      transfer.answered ? "" : ", unanswered");
  if (transfer.waste != v1::WASTE_UNSPECIFIED) {
    const std::string category = v1::Waste_IsValid(transfer.waste)
                                     ? v1::Waste_Name(transfer.waste).substr(sizeof("WASTE_") - 1)
                                     : absl::StrCat(transfer.waste);
    absl::StrAppend(&text, ", waste ", absl::AsciiStrToLower(category));
  }
  if (transfer.binding != 0) absl::StrAppendFormat(&text, ", binding %016x", transfer.binding);
  return absl::StrCat(text, "\n", DirectionText("sent", transfer.sent),
                      DirectionText("received", transfer.received));
}

}  // namespace

absl::StatusOr<std::string> InspectText(std::string_view sealed, const Style& style) {
  ASSIGN_OR_RETURN(const OpenedBatch opened, OpenSealedBatch(sealed));
  v1::SealedBatch envelope;
  envelope.ParseFromArray(sealed.data(), static_cast<int>(sealed.size()));
  v1::Batch rest = opened.batch;
  rest.clear_transfers();
  rest.clear_strings();
  TextFormat::Printer printer;
  printer.SetPrintMessageFieldsInIndexOrder(true);
  ReadNamesAndTimes(opened, &printer);
  std::string others;
  printer.PrintToString(rest, &others);

  const v1::Batch& batch = opened.batch;
  std::string text =
      Heading(absl::StrCat("Batch ", batch.sequence(), " of ", Printable(batch.node())), style);
  absl::StrAppend(
      &text, "sealed at ", ExactTime(absl::FromUnixMicros(batch.wall_time_us())), ", ",
      Thousands(sealed.size()), " bytes, ",
      opened.is_signed ? absl::StrCat("signed by key ", Printable(envelope.key_id())) : "unsigned", "\n");
  absl::StrAppend(&text, "This is all that it holds: sizes, times, and these names:\n");
  for (const std::string& name : batch.strings()) absl::StrAppend(&text, "  ", Printable(name), "\n");
  absl::StrAppend(&text, "\n", others);
  for (const Transfer& transfer : ExpandTransfers(opened)) text += TransferText(transfer);
  return text;
}

}  // namespace fedcarbon::cli
