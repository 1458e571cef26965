#include "node/local/grpc/run.h"

#include <cstdint>
#include <cstdio>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/text/names.h"
#include "node/local/grpc/local_client.h"
#include "node/local/held_command.h"

namespace fedcarbon::node {
namespace {

// What a command is kept waiting at most, before it begins and after it has ended.
constexpr absl::Duration kPatience = absl::Seconds(2);

absl::Status Wrong(const char* flag, const std::string& text, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(flag, ": '", text, "' ", what));
}

// What is said before the command begins.
absl::StatusOr<std::vector<v1::LocalEvent>> Beginning(const RunFlags& flags) {
  std::vector<v1::LocalEvent> events;
  if (!IsRunId(flags.run)) {
    return Wrong("--run", flags.run, "is no run's id: write 1 to 64 letters, digits and ._:-");
  }
  events.emplace_back().mutable_begin_run()->set_run(flags.run);
  if (!flags.round.empty()) {
    uint64_t round = 0;
    if (!absl::SimpleAtoi(flags.round, &round) || round > kMaxRound) {
      return Wrong("--round", flags.round, absl::StrCat("is no round: write a number from 0 to ", kMaxRound));
    }
    events.emplace_back().mutable_begin_round()->set_round(round);
  }
  v1::BeginSpan* const span = events.emplace_back().mutable_begin_span();
  span->set_cpu_us(0);
  for (const auto& [name, kind] :
       {std::pair("train", v1::SPAN_KIND_TRAIN), std::pair("evaluate", v1::SPAN_KIND_EVALUATE),
        std::pair("aggregate", v1::SPAN_KIND_AGGREGATE), std::pair("other", v1::SPAN_KIND_OTHER)}) {
    if (flags.kind == name) span->set_kind(kind);
  }
  if (span->kind() == v1::SPAN_KIND_UNSPECIFIED) {
    return Wrong("--kind", flags.kind, "is no kind of span: write train, evaluate, aggregate or other");
  }
  return events;
}

v1::LocalEvent EndOf(const HeldCommand::Ended& ended) {
  v1::LocalEvent event;
  event.mutable_end_span()->set_cpu_us(static_cast<uint64_t>(absl::ToInt64Microseconds(ended.cpu)));
  event.mutable_end_span()->set_outcome(ended.exit_status == 0 ? v1::OUTCOME_COMPLETED : v1::OUTCOME_FAILED);
  return event;
}

absl::Status Send(const std::vector<v1::LocalEvent>& events, LocalClient* client) {
  const Clock& clock = *Clock::System();
  const absl::Duration deadline = clock.Monotonic() + kPatience;
  for (const v1::LocalEvent& event : events) {
    RETURN_IF_ERROR(client->Send(event, deadline - clock.Monotonic()));
  }
  return absl::OkStatus();
}

void LogWarning(const std::string& what) { std::fprintf(stderr, "fedcarbon-node run: %s\n", what.c_str()); }

void LogUnmetered(const std::string& socket, const absl::Status& status) {
  LogWarning(absl::StrCat("this span is not metered, or not whole: ", socket, ": ", status.message()));
}

}  // namespace

absl::StatusOr<int> Run(const RunFlags& flags) {
  ASSIGN_OR_RETURN(const std::vector<v1::LocalEvent> beginning, Beginning(flags));
  ASSIGN_OR_RETURN(HeldCommand command, HeldCommand::Fork(flags.command));  // before gRPC's threads

  std::optional<LocalClient> client;
  if (flags.socket.empty()) {
    LogWarning(
        "this span is not metered: there is no socket; name the daemon's with --socket or FEDCARBON_SOCKET");
  } else {
    client.emplace(flags.socket);
    if (const absl::Status sent = Send(beginning, &*client); !sent.ok()) {
      LogUnmetered(flags.socket, sent);
      client.reset();
    }
  }
  if (const absl::Status begun = command.Release(); !begun.ok()) {
    LogWarning(absl::StrCat(flags.command[0], ": ", begun.message()));
  }
  const HeldCommand::Ended ended = command.Wait();
  if (client.has_value()) {
    absl::Status sent = Send({EndOf(ended)}, &*client);
    if (sent.ok()) sent = client->Close(kPatience);
    if (!sent.ok()) LogUnmetered(flags.socket, sent);
  }
  return ended.exit_status;
}

}  // namespace fedcarbon::node
