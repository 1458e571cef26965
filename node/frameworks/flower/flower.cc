#include "node/frameworks/flower/flower.h"

#include <openssl/sha.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "fedcarbon/meter/fact_recorder.h"
#include "fedcarbon/meter/random_id.h"
#include "node/frameworks/flower/join_call.h"

namespace fedcarbon::node {
namespace {

using flower::Entry;
using flower::FleetMessage;
using flower::FleetReader;
using flower::FoundRound;
using flower::JoinedCalls;
using flower::Method;

constexpr std::string_view kGrpcKey = "flwr-public-key-bin";
constexpr std::string_view kHttpKey = "flwr-public-key";
constexpr size_t kNameBytes = 8;  // of the key's digest, in a node's name

// The key itself (PEM). gRPC's C-core sends raw bytes behind a zero where its peer knows them; all else is
// base64.
std::string KeyOf(const HeaderBlock& request) {
  std::string_view value = request.Get(kGrpcKey);
  if (value.empty()) value = request.Get(kHttpKey);
  if (!value.empty() && value.front() == '\0') return std::string(value.substr(1));
  std::string key;
  return absl::Base64Unescape(absl::string_view(value.data(), value.size()), &key) ? key : std::string();
}

std::string NameOfKey(const std::string& key) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest);
  return absl::StrCat("flower-",
                      absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(digest), kNameBytes)));
}

v1::SpanKind KindOf(std::string_view type) {
  type = type.substr(0, type.find('.'));  // "train.<name>"
  if (type == "train") return v1::SPAN_KIND_TRAIN;
  if (type == "evaluate") return v1::SPAN_KIND_EVALUATE;
  return v1::SPAN_KIND_OTHER;
}

class FleetCall : public CallRule {
 public:
  FleetCall(Method method, std::shared_ptr<CallObserver> call, JoinedCalls* joined_calls,
            FactRecorder* recorder)
      : method_(method),
        call_(std::move(call)),
        joined_calls_(joined_calls),
        recorder_(recorder),
        request_(method, true),
        answer_(method, false) {}

  ~FleetCall() override { EndMove(false); }

  // A call has one message each way: what else comes says nothing.
  void OnContent(End from, std::string_view bytes) override {
    if (!IsOver(from)) (from == End::kClient ? request_ : answer_).Feed(bytes);
  }

  void OnMessageEnd(End from) override {
    if (IsOver(from)) return;
    if (from == End::kClient) {
      asked_ = request_.Finish() ? ParseState::kParsed : ParseState::kFailed;
      if (asked_ == ParseState::kParsed) OnRequest(request_.message());
    } else {
      answered_ = answer_.Finish() ? ParseState::kParsed : ParseState::kFailed;
      if (IsAnswered()) OnAnswer(request_.message(), answer_.message());
    }
  }

  void OnHidden() override { UndoMove(); }

  // What the answer changes counts once it is sure that the node has got it.
  void OnEnd(int status) override {
    const bool is_ok = status == 0 && IsAnswered();
    if (is_ok) OnArrival(request_.message(), answer_.message());
    EndMove(is_ok);
  }

 private:
  enum class ParseState { kPending, kParsed, kFailed };

  bool IsOver(End from) const { return (from == End::kClient ? asked_ : answered_) != ParseState::kPending; }
  bool IsAnswered() const { return asked_ == ParseState::kParsed && answered_ == ParseState::kParsed; }
  absl::Duration Now() const { return recorder_->clock().Monotonic(); }

  void OnRequest(const FleetMessage& request) {
    switch (method_) {
      case Method::kPullObject:
        BeginMove(JoinedCalls::MoveKind::kObjectDown, request.object);
        return Apply(joined_calls_->OfPulledObject(request));
      case Method::kConfirmMessageReceived:
        return Apply(joined_calls_->OfConfirm(request));
      case Method::kPushMessages:
      case Method::kPushTaskRes:
        Apply(joined_calls_->OfReply(request));
        if (request.messages != 1) return;
        BeginMove(JoinedCalls::MoveKind::kReply, request.reply_to);
        return RecordSpan(request);
      case Method::kPushObject:
        BeginMove(JoinedCalls::MoveKind::kObjectUp, request.object);
        return Apply(joined_calls_->OfPushedObject(request));
      case Method::kSendNodeHeartbeat:
        return call_->SetWaste(v1::WASTE_HEARTBEAT);
      case Method::kGetRun:
      case Method::kGetFab:
        return Apply(Entry{{flower::RunName(request.run), std::nullopt}, 0, {}});
      case Method::kPullMessages:
      case Method::kPullTaskIns:
        return joined_calls_->EndInstruction(request.node);
      case Method::kOther:
        return;
    }
  }

  void OnAnswer(const FleetMessage& request, const FleetMessage& answer) {
    switch (method_) {
      case Method::kPullMessages:
      case Method::kPullTaskIns:
        if (answer.messages == 1) Apply(joined_calls_->BeginInstruction(request.node, answer, RandomId()));
        return;
      case Method::kPullObject:
        if (!answer.is_available) {
          if (answer.is_found) call_->SetWaste(v1::WASTE_POLL);  // the other end is still uploading it
          UndoMove();
        } else if (answer.round.has_value()) {
          Apply(joined_calls_->NameRound(request, entry_, *answer.round));
        }
        return;
      case Method::kPushMessages:
        if (!answer.session.empty()) joined_calls_->BeginSession(request, answer.session);
        return;
      default:
        return;
    }
  }

  void OnArrival(const FleetMessage& request, const FleetMessage& answer) {
    switch (method_) {
      case Method::kPullMessages:
      case Method::kPullTaskIns:
        if (answer.messages == 0) call_->SetWaste(v1::WASTE_POLL);
        if (answer.has_content) joined_calls_->Confirm(request.node, answer.run, answer.message, Now());
        return;
      case Method::kConfirmMessageReceived:
        return joined_calls_->Confirm(request.node, request.run, request.object, Now());
      default:
        return;
    }
  }

  void Apply(Entry entry) {
    entry_ = std::move(entry);
    if (entry_.key != 0 && !entry_.round.known()) call_->SetBinding(entry_.key);
    call_->AdoptRound(entry_.round);
  }

  void Apply(FoundRound found) {
    Apply(std::move(found.entry));
    if (found.is_new) recorder_->Record(Binding{entry_.key, entry_.round});
  }

  void BeginMove(JoinedCalls::MoveKind kind, const std::string& what) {
    if (what.empty()) return;
    moving_.emplace(request_.message().node, request_.message().run, kind, what);
    moved_before_ = joined_calls_->BeginMove(*moving_);
    if (moved_before_ != v1::WASTE_UNSPECIFIED) call_->SetWaste(moved_before_);
  }

  void EndMove(bool has_arrived) {
    if (moving_.has_value()) joined_calls_->EndMove(*moving_, has_arrived);
    moving_.reset();
  }

  void UndoMove() {
    if (moving_.has_value()) joined_calls_->UndoMove(*moving_, moved_before_);
    moving_.reset();
  }

  // What the node itself says includes what it waited for (a slow link, its own start); so does the time
  // between its last word and this one. Both are upper bounds: the lower one counts, and is one still.
  void RecordSpan(const FleetMessage& request) {
    const std::optional<absl::Duration> passed = joined_calls_->Computed(request, Now());
    if (!passed.has_value()) return;
    std::optional<absl::Duration> reported;
    for (const double seconds : request.runtimes) {
      if (seconds >= 0) reported = reported.value_or(absl::ZeroDuration()) + absl::Seconds(seconds);
    }
    Span span;
    span.kind = KindOf(request.type);
    span.round = entry_.round;
    span.wall = std::min(*passed, reported.value_or(*passed));
    span.start = recorder_->clock().Now() - span.wall;
    span.outcome = request.is_error ? v1::OUTCOME_FAILED : v1::OUTCOME_COMPLETED;
    span.is_upper_bound = true;
    recorder_->Record(std::move(span));
  }

  const Method method_;
  const std::shared_ptr<CallObserver> call_;
  JoinedCalls* const joined_calls_;
  FactRecorder* const recorder_;
  FleetReader request_, answer_;
  ParseState asked_ = ParseState::kPending, answered_ = ParseState::kPending;
  Entry entry_;  // of this call, as far as it is known
  std::optional<JoinedCalls::Move> moving_;
  v1::Waste moved_before_ = v1::WASTE_UNSPECIFIED;
};

}  // namespace

std::vector<std::string> Flower::HeaderFields() { return {std::string(kGrpcKey), std::string(kHttpKey)}; }

std::string Flower::CallerOf(const HeaderBlock& request) const {
  if (!flower::MethodOf(request.Get(":path")).has_value()) return {};
  const std::string key = KeyOf(request);
  return key.empty() ? key : NameOfKey(key);
}

std::unique_ptr<CallRule> Flower::OnCall(const HeaderBlock& request, std::shared_ptr<CallObserver> call) {
  const std::string_view path = request.Get(":path");
  if (path == flower::kJoinPath) return flower::MakeJoinCall(std::move(call), meter_->recorder());
  const std::optional<Method> method = flower::MethodOf(path);
  if (!method.has_value()) return nullptr;
  return std::make_unique<FleetCall>(*method, std::move(call), &joined_calls_, meter_->recorder().get());
}

}  // namespace fedcarbon::node
