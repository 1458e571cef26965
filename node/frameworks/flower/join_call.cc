#include "node/frameworks/flower/join_call.h"

#include <optional>
#include <utility>
#include <vector>

#include "fedcarbon/meter/random_id.h"
#include "node/frameworks/flower/round_setting.h"
#include "node/frameworks/protobuf_fields.h"

namespace fedcarbon::node::flower {
namespace {

/// What a message of either side is about. kNone: neither to train nor to evaluate.
enum class Task { kNone, kFit, kEvaluate };

// ServerMessage {4 fit {2 config[]}, 5 evaluate {2 config[]}}, config[] {1 name, 2 value {8 sint64}};
// ClientMessage {4 fit {1 status {1 code}}, 5 evaluate {1 status {1 code}}}.
enum Place : size_t {
  kFit,
  kEvaluate,
  kFitSetting,
  kFitName,
  kFitNumber,
  kEvaluateSetting,
  kEvaluateName,
  kEvaluateNumber,
  kServerPlaces,
  kFitCode = kFitSetting,
  kEvaluateCode,
};
const std::vector<FieldPath> kServerTable = {{4},          {5},    {4, 2},    {4, 2, 1},
                                             {4, 2, 2, 8}, {5, 2}, {5, 2, 1}, {5, 2, 2, 8}};
const std::vector<FieldPath> kClientTable = {{4}, {5}, {4, 1, 1}, {5, 1, 1}};

/// Reads one message after the other.
class JoinReader : private FieldListener {
 public:
  struct Message {
    Task task = Task::kNone;
    std::optional<uint64_t> round;
    bool has_failed = false;
  };

  explicit JoinReader(End from)
      : is_server_(from == End::kServer), fields_(is_server_ ? &kServerTable : &kClientTable, this) {}
  JoinReader(const JoinReader&) = delete;
  JoinReader& operator=(const JoinReader&) = delete;

  void Feed(std::string_view bytes) { fields_.Feed(bytes); }

  /// The message is over. Of what is none, or is about several tasks, nothing is said.
  Message Finish() {
    Message message = std::exchange(message_, {});
    message.round = std::exchange(setting_, {}).round();
    const bool is_clear = std::exchange(tasks_, 0) == 1;
    return fields_.Finish() && is_clear ? message : Message();
  }

 private:
  void OnNumber(size_t place, uint64_t value) override {
    if (!is_server_) {
      message_.has_failed = message_.has_failed || (place >= kFitCode && value != 0);
    } else if (place == kFitNumber || place == kEvaluateNumber) {
      setting_.Number(value);
    }
  }

  void OnBytes(size_t place, std::string_view first, uint64_t) override {
    if (place == kFit || place == kEvaluate) {
      ++tasks_;
      message_.task = place == kFit ? Task::kFit : Task::kEvaluate;
    } else if (is_server_ && place != kFitNumber && place != kEvaluateNumber) {
      const bool is_name = place == kFitName || place == kEvaluateName;
      setting_.Expect(is_name && (first == "server_round" || first == "current_round"));
    }
  }

  void OnRest(size_t, std::string_view) override {}

  const bool is_server_;
  Message message_;
  RoundSetting setting_;
  int tasks_ = 0;
  ProtobufFields fields_;
};

class JoinCall : public CallRule {
 public:
  JoinCall(std::shared_ptr<CallObserver> call, std::shared_ptr<FactRecorder> recorder)
      : call_(std::move(call)), recorder_(std::move(recorder)), named_(call_->WholeCallRound()) {}

  void OnContent(End from, std::string_view bytes) override {
    (from == End::kServer ? instruction_ : reply_).Feed(bytes);
  }

  void OnMessageBegin(End from) override {
    if (from == End::kClient) {
      replied_ = recorder_->clock().Monotonic();
    } else if (HasParts()) {
      call_->BeginPart(key_ = RandomId());
    }
  }

  void OnMessageEnd(End from) override {
    if (from == End::kClient) return OnReply(reply_.Finish());
    const JoinReader::Message instruction = instruction_.Finish();
    task_ = instruction.task;
    began_ = recorder_->clock().Monotonic();
    round_ = named_.known() ? named_ : RoundId{named_.run, instruction.round};
    if (!HasParts() || !round_.known()) return;
    call_->AdoptRound(round_);
    recorder_->Record(Binding{key_, round_});
  }

  // The next instruction may be hidden too.
  void OnHidden() override {
    if (HasParts()) call_->BeginPart(0);
  }

  void OnEnd(int) override {}

 private:
  // Where the call has a round from elsewhere, it stays; without a run, there is no round to tell apart.
  bool HasParts() const { return !named_.run.empty() && !named_.round.has_value(); }

  // From the last byte of the instruction to the first of the reply: what lies between is computing at most.
  void OnReply(const JoinReader::Message& reply) {
    const Task task = std::exchange(task_, Task::kNone);
    if (task == Task::kNone || task != reply.task) return;
    Span span;
    span.kind = task == Task::kFit ? v1::SPAN_KIND_TRAIN : v1::SPAN_KIND_EVALUATE;
    span.round = round_;
    span.wall = replied_ - began_;
    span.start = recorder_->clock().Now() - (recorder_->clock().Monotonic() - began_);
    span.outcome = reply.has_failed ? v1::OUTCOME_FAILED : v1::OUTCOME_COMPLETED;
    span.is_upper_bound = true;
    recorder_->Record(std::move(span));
  }

  const std::shared_ptr<CallObserver> call_;
  const std::shared_ptr<FactRecorder> recorder_;
  const RoundId named_;  // from elsewhere
  JoinReader instruction_{End::kServer}, reply_{End::kClient};
  uint64_t key_ = 0;                // of the part that an instruction began
  Task task_ = Task::kNone;         // that the client works on
  absl::Duration began_, replied_;  // monotonic
  RoundId round_;
};

}  // namespace

std::unique_ptr<CallRule> MakeJoinCall(std::shared_ptr<CallObserver> call,
                                       std::shared_ptr<FactRecorder> recorder) {
  return std::make_unique<JoinCall>(std::move(call), std::move(recorder));
}

}  // namespace fedcarbon::node::flower
