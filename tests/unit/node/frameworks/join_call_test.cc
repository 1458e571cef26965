#include "node/frameworks/flower/join_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/frameworks/flower/flower.h"
#include "tests/unit/meter/collector.h"
#include "tests/unit/node/frameworks/encode.h"

namespace fedcarbon::node {
namespace {

using namespace testing;  // NOLINT: the encoding
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kParameters = Delimited(1, Delimited(1, std::string(1'000, 'x')));

std::string Setting(const std::string& name, uint64_t round) {
  return Delimited(2, Delimited(1, "lr") + Delimited(2, Fixed64(1, 0))) +
         Delimited(2, Delimited(1, name) + Delimited(2, Varint(8, 2 * round)));
}
std::string Fit(const std::string& settings = "") { return Delimited(4, kParameters + settings); }
std::string Evaluate(const std::string& settings = "") { return Delimited(5, kParameters + settings); }
const std::string kFitted = Delimited(4, Delimited(1, "") + Delimited(2, kParameters)),
                  kEvaluated = Delimited(5, Delimited(1, ""));

/// A client's stream, as the proxy beside it has it.
class JoinCallTest : public ::testing::Test {
 protected:
  void Begin(const RoundId& named) {
    CallStart start;
    start.end = v1::END_CLIENT;
    start.observer = v1::OBSERVER_PROXY;
    start.peer = "server";
    start.round = named;
    call_ = meter_.meter->StartCall(start);
    HeaderBlock request;
    request.fields = {{":path", "/flwr.proto.FlowerService/Join"}};
    rule_ = flower_.OnCall(request, call_);
    ASSERT_NE(rule_, nullptr);
  }

  /// In two pieces, the second after a pause that makes parts due.
  void Send(End from, const std::string& message, absl::Duration pause = absl::ZeroDuration()) {
    const Direction direction = from == End::kClient ? Direction::kSent : Direction::kReceived;
    const std::string first = message.substr(0, 10), rest = message.substr(first.size());
    rule_->OnContent(from, first);
    rule_->OnMessageBegin(from);
    call_->OnBytes(direction, {fedcarbon::Bytes(first.size()), {}, v1::COUNT_KIND_WIRE});
    meter_.clock.Advance(pause);
    meter_.meter->Sample();
    rule_->OnContent(from, rest);
    call_->OnMessage(direction, {fedcarbon::Bytes(rest.size()), {}, v1::COUNT_KIND_WIRE});
    rule_->OnMessageEnd(from);
  }

  void Finish() {
    rule_->OnEnd(0);
    call_->End(0);
  }

  /// Message bytes that are booked to a round, bindings included.
  uint64_t BytesOf(const RoundId& round) const {
    uint64_t sum = 0;
    for (const Transfer& part : meter_.sink->All<Transfer>()) {
      RoundId booked = part.round;
      for (const Binding& binding : meter_.sink->All<Binding>()) {
        if (part.binding != 0 && part.binding == binding.key) booked = binding.round;
      }
      if (booked != round) continue;
      sum += part.sent.message_bytes.value_or(fedcarbon::Bytes(0)).count();
      sum += part.received.message_bytes.value_or(fedcarbon::Bytes(0)).count();
    }
    return sum;
  }

  std::vector<Span> Spans() const { return meter_.sink->All<Span>(); }

  ManualMeter meter_;
  Flower flower_{meter_.meter};
  std::shared_ptr<CallObserver> call_;
  std::unique_ptr<CallRule> rule_;
};

const RoundId kRun{"x", std::nullopt};

TEST_F(JoinCallTest, EachInstructionAndItsReplyAreOfTheRoundThatItNames) {
  Begin(kRun);
  const std::string fit = Fit(Setting("server_round", 3)), evaluate = Evaluate(Setting("current_round", 3)),
                    next = Fit(Setting("server_round", 7)), none = Evaluate();
  Send(End::kServer, fit);
  Send(End::kClient, kFitted);
  Send(End::kServer, evaluate);
  Send(End::kClient, kEvaluated);
  Send(End::kServer, next, /*pause=*/absl::Seconds(11));
  Send(End::kClient, kFitted, /*pause=*/absl::Seconds(11));
  Send(End::kServer, none);
  Send(End::kClient, kEvaluated);
  Finish();
  EXPECT_EQ(BytesOf({"x", 3}), fit.size() + kFitted.size() + evaluate.size() + kEvaluated.size());
  EXPECT_EQ(BytesOf({"x", 7}), next.size() + kFitted.size());
  EXPECT_EQ(BytesOf(kRun), none.size() + kEvaluated.size()) << "it named no round";
}

TEST_F(JoinCallTest, ComputesBetweenAnInstructionAndItsReply) {
  Begin(kRun);
  const absl::Time start = meter_.clock.Now();
  Send(End::kServer, Fit(Setting("server_round", 3)), absl::Seconds(5));
  meter_.clock.Advance(absl::Seconds(30));
  Send(End::kClient, kFitted, absl::Seconds(9));
  Send(End::kServer, Evaluate());
  meter_.clock.Advance(absl::Seconds(2));
  Send(End::kClient, Delimited(5, Delimited(1, Varint(1, 4))));  // a code
  Send(End::kServer, Delimited(1, Varint(1, 5)));
  Send(End::kClient, Delimited(1, Varint(1, 4)));
  ASSERT_THAT(Spans(), SizeIs(2));
  EXPECT_EQ(Spans()[0].kind, v1::SPAN_KIND_TRAIN);
  EXPECT_EQ(Spans()[0].round, (RoundId{"x", 3}));
  EXPECT_EQ(Spans()[0].wall, absl::Seconds(30));
  EXPECT_EQ(Spans()[0].start, start + absl::Seconds(5));
  EXPECT_EQ(Spans()[0].outcome, v1::OUTCOME_COMPLETED);
  EXPECT_EQ(Spans()[1].kind, v1::SPAN_KIND_EVALUATE);
  EXPECT_EQ(Spans()[1].round, kRun);
  EXPECT_EQ(Spans()[1].wall, absl::Seconds(2));
  EXPECT_EQ(Spans()[1].outcome, v1::OUTCOME_FAILED);
}

TEST_F(JoinCallTest, WithoutARunNothingIsNamed) {
  Begin({});
  Send(End::kServer, Fit(Setting("server_round", 3)));
  Send(End::kClient, kFitted);
  Finish();
  ASSERT_THAT(meter_.sink->All<Transfer>(), SizeIs(1));
  EXPECT_EQ(meter_.sink->All<Transfer>()[0].round, RoundId{});
  EXPECT_THAT(meter_.sink->All<Binding>(), IsEmpty());
  EXPECT_THAT(Spans(), SizeIs(1));
}

TEST_F(JoinCallTest, ARoundFromElsewhereStays) {
  Begin({"x", 1});
  Send(End::kServer, Fit(Setting("server_round", 3)));
  Send(End::kClient, kFitted);
  Finish();
  ASSERT_THAT(meter_.sink->All<Transfer>(), SizeIs(1));
  EXPECT_EQ(meter_.sink->All<Transfer>()[0].round, (RoundId{"x", 1}));
  EXPECT_EQ(Spans()[0].round, (RoundId{"x", 1}));
}

TEST_F(JoinCallTest, WhatIsUnclearIsOfNoRound) {
  Begin(kRun);
  const std::string fit = Fit(Setting("server_round", 3));
  for (const std::string& unclear : {
           fit + Evaluate(),                          // two at once
           fit.substr(0, fit.size() - 1),             // cut
           fit + "\x0b",                              // no protobuf
           Fit(Setting("round", 3)),                  // another setting
           Delimited(3, Setting("server_round", 3)),  // neither to train nor to evaluate
       }) {
    Send(End::kServer, unclear);
    Send(End::kClient, kFitted);
  }
  Finish();
  for (const Transfer& part : meter_.sink->All<Transfer>()) EXPECT_EQ(part.round, kRun);
  EXPECT_THAT(meter_.sink->All<Binding>(), IsEmpty());
}

TEST_F(JoinCallTest, WhatFollowsAHiddenMessageIsOfNoRound) {
  Begin(kRun);
  const std::string fit = Fit(Setting("server_round", 3));
  Send(End::kServer, fit);
  rule_->OnMessageBegin(End::kClient);
  call_->OnMessage(Direction::kSent, {});
  rule_->OnHidden();
  rule_ = nullptr;
  call_->OnMessage(Direction::kReceived, {fedcarbon::Bytes(500), {}, v1::COUNT_KIND_WIRE});
  call_->End(0);
  EXPECT_EQ(BytesOf({"x", 3}), fit.size());
  EXPECT_EQ(BytesOf(kRun), 500u);
}

}  // namespace
}  // namespace fedcarbon::node
