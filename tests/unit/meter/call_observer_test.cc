#include "fedcarbon/meter/call_observer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <tuple>

#include "fedcarbon/meter/fact_recorder.h"
#include "tests/unit/meter/collector.h"

namespace fedcarbon {
namespace {

constexpr int kOk = 0;
constexpr int kCancelled = 1;
constexpr int kUnavailable = 14;

const RoundId kRound0{"run", 0};
const RoundId kRound1{"run", 1};

MessageSize Serialized(uint64_t bytes) { return {Bytes(bytes), std::nullopt, v1::COUNT_KIND_SERIALIZED}; }

MessageSize Wire(uint64_t message, uint64_t encoded) {
  return {Bytes(message), Bytes(encoded), v1::COUNT_KIND_WIRE};
}

auto Counts(const DirectionCounts& counts) {
  return std::make_tuple(counts.messages, counts.message_bytes, counts.encoded_bytes, counts.header_bytes,
                         counts.kind);
}

class CallObserverTest : public testing::Test {
 protected:
  std::shared_ptr<CallObserver> Start(v1::End end, RoundId round = {}) {
    CallStart start;
    start.end = end;
    start.observer = v1::OBSERVER_INTERCEPTOR;
    start.peer = "aggregator";
    start.method = "/package.Service/Method";
    start.round = std::move(round);
    return manual_.meter->StartCall(start);
  }

  std::shared_ptr<CallObserver> StartWithoutPeer(v1::End end, RoundId round = {}) {
    CallStart start;
    start.end = end;
    start.round = std::move(round);
    return manual_.meter->StartCall(start);
  }

  void SampleAfter(absl::Duration duration) {
    manual_.clock.Advance(duration);
    manual_.meter->Sample();
  }

  std::vector<Transfer> Transfers() const { return manual_.sink->All<Transfer>(); }
  std::vector<Binding> Bindings() const { return manual_.sink->All<Binding>(); }

  ManualMeter manual_;
};

TEST_F(CallObserverTest, AUnaryCallIsOneTransferAtItsEnd) {
  CallStart start;
  start.call_id = 77;
  start.end = v1::END_CLIENT;
  start.observer = v1::OBSERVER_PROXY;
  start.attempt = 2;
  start.peer = "aggregator";
  start.method = "/package.Service/Method";
  start.round = kRound0;
  const absl::Time began = manual_.clock.Now();
  auto call = manual_.meter->StartCall(start);
  call->OnHeaders(Direction::kSent, Bytes(40));
  call->OnMessage(Direction::kSent, {Bytes(1000), Bytes(205), v1::COUNT_KIND_WIRE});
  manual_.clock.Advance(absl::Seconds(3));
  call->OnMessage(Direction::kReceived, {std::nullopt, Bytes(35), v1::COUNT_KIND_UNSPECIFIED});
  EXPECT_TRUE(Transfers().empty());
  call->End(kOk);

  ASSERT_EQ(Transfers().size(), 1u);
  const Transfer transfer = Transfers()[0];
  EXPECT_EQ(transfer.call_id, 77u);
  EXPECT_EQ(transfer.end, v1::END_CLIENT);
  EXPECT_EQ(transfer.observer, v1::OBSERVER_PROXY);
  EXPECT_EQ(transfer.attempt, 2u);
  EXPECT_EQ(transfer.part, 0u);
  EXPECT_EQ(transfer.peer, "aggregator");
  EXPECT_EQ(transfer.method, "/package.Service/Method");
  EXPECT_EQ(transfer.round, kRound0);
  EXPECT_EQ(transfer.binding, 0u);
  EXPECT_EQ(transfer.start, began);
  EXPECT_EQ(transfer.duration, absl::Seconds(3));
  EXPECT_EQ(transfer.status, kOk);
  EXPECT_TRUE(transfer.answered);
  EXPECT_EQ(transfer.sent.messages, 1u);
  EXPECT_EQ(transfer.sent.message_bytes, Bytes(1000));
  EXPECT_EQ(transfer.sent.encoded_bytes, Bytes(205));
  EXPECT_EQ(transfer.sent.header_bytes, Bytes(40));
  EXPECT_EQ(transfer.sent.kind, v1::COUNT_KIND_WIRE);
  EXPECT_EQ(transfer.received.messages, 1u);
  EXPECT_EQ(transfer.received.message_bytes, std::nullopt);
  EXPECT_EQ(transfer.received.encoded_bytes, Bytes(35));
  EXPECT_EQ(transfer.received.header_bytes, std::nullopt);
  EXPECT_TRUE(Bindings().empty());
}

TEST_F(CallObserverTest, FollowsRoundsAlsoToNothing) {
  auto call = Start(v1::END_CLIENT);
  call->FollowRound(kRound0);
  call->OnMessage(Direction::kSent, Serialized(10));
  call->OnMessage(Direction::kReceived, Serialized(20));
  call->FollowRound(kRound0);
  call->OnMessage(Direction::kReceived, Serialized(30));
  call->FollowRound({});
  call->OnMessage(Direction::kReceived, Serialized(40));
  call->FollowRound(kRound1);
  call->OnMessage(Direction::kReceived, Serialized(50));
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 3u);
  EXPECT_EQ(Transfers()[0].round, kRound0);
  EXPECT_EQ(Transfers()[0].received.message_bytes, Bytes(50));
  EXPECT_EQ(Transfers()[1].round, RoundId());
  EXPECT_EQ(Transfers()[1].received.message_bytes, Bytes(40));
  EXPECT_EQ(Transfers()[2].round, kRound1);
  EXPECT_EQ(Transfers()[2].received.message_bytes, Bytes(50));
  EXPECT_TRUE(Bindings().empty());
}

TEST_F(CallObserverTest, ACallWithoutMessagesIsATransfer) {
  Start(v1::END_CLIENT)->End(kUnavailable);
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_EQ(Transfers()[0].status, kUnavailable);
  EXPECT_FALSE(Transfers()[0].answered);
  EXPECT_EQ(Transfers()[0].sent.messages, 0u);
  EXPECT_EQ(Transfers()[0].sent.message_bytes, std::nullopt);
}

TEST_F(CallObserverTest, AfterTheEndEverythingIsIgnored) {
  auto call = Start(v1::END_CLIENT);
  call->End(kOk);
  call->OnMessage(Direction::kSent, Serialized(5), kRound1);
  call->OnHeaders(Direction::kSent, Bytes(5));
  call->SetRound(kRound1);
  call->End(kCancelled);
  SampleAfter(absl::Minutes(1));
  call.reset();
  EXPECT_EQ(Transfers().size(), 1u);
  EXPECT_TRUE(Bindings().empty());
}

TEST_F(CallObserverTest, ACallThatIsDroppedWasCancelled) {
  auto call = Start(v1::END_CLIENT);
  call->OnMessage(Direction::kSent, Serialized(5));
  call.reset();
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_EQ(Transfers()[0].status, kCancelled);
  EXPECT_EQ(Transfers()[0].sent.message_bytes, Bytes(5));
}

// Messages in pieces, as the proxy sees them.

TEST_F(CallObserverTest, AMessageInPiecesIsOneMessageOfTheirSum) {
  auto call = Start(v1::END_CLIENT);
  call->OnBytes(Direction::kSent, Wire(0, 5));
  call->OnBytes(Direction::kSent, Wire(70, 70));
  call->OnMessage(Direction::kSent, Wire(30, 30));
  call->OnMessage(Direction::kSent, Wire(1, 6));
  call->OnBytes(Direction::kReceived, Wire(8, 13));
  call->OnMessage(Direction::kReceived, Wire(2, 2));
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_EQ(Counts(Transfers()[0].sent), Counts({2, Bytes(101), Bytes(111), {}, v1::COUNT_KIND_WIRE}));
  EXPECT_EQ(Counts(Transfers()[0].received), Counts({1, Bytes(10), Bytes(15), {}, v1::COUNT_KIND_WIRE}));
}

TEST_F(CallObserverTest, ACallCutInAMessageReportsWhatPassed) {
  auto call = Start(v1::END_CLIENT);
  call->OnMessage(Direction::kSent, Wire(10, 15));
  call->OnBytes(Direction::kSent, Wire(20, 25));
  call->OnBytes(Direction::kReceived, Wire(7, 12));
  call.reset();
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_EQ(Counts(Transfers()[0].sent), Counts({1, Bytes(30), Bytes(40), {}, v1::COUNT_KIND_WIRE}));
  EXPECT_EQ(Counts(Transfers()[0].received), Counts({0, Bytes(7), Bytes(12), {}, v1::COUNT_KIND_WIRE}));
  EXPECT_TRUE(Transfers()[0].answered) << "a piece that was received answers the call";
}

TEST_F(CallObserverTest, PartsOfALongMessageHoldWhatMovedInThem) {
  auto call = Start(v1::END_SERVER, kRound1);
  call->OnHeaders(Direction::kReceived, Bytes(40));
  call->OnBytes(Direction::kReceived, Wire(100, 105));
  manual_.clock.Advance(absl::Seconds(10) - absl::Nanoseconds(1));
  call->OnBytes(Direction::kReceived, Wire(20, 20));
  EXPECT_TRUE(Transfers().empty());
  manual_.clock.Advance(absl::Nanoseconds(1));
  call->OnBytes(Direction::kReceived, Wire(3, 3));  // no sweep is needed
  ASSERT_EQ(Transfers().size(), 1u);
  SampleAfter(absl::Seconds(10));
  ASSERT_EQ(Transfers().size(), 2u);
  call->OnMessage(Direction::kReceived, Wire(1, 1));
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 3u);
  EXPECT_EQ(Counts(Transfers()[0].received),
            Counts({0, Bytes(120), Bytes(125), Bytes(40), v1::COUNT_KIND_WIRE}));
  EXPECT_EQ(Counts(Transfers()[1].received), Counts({0, Bytes(3), Bytes(3), {}, v1::COUNT_KIND_WIRE}));
  EXPECT_EQ(Counts(Transfers()[2].received), Counts({1, Bytes(1), Bytes(1), {}, v1::COUNT_KIND_WIRE}));
}

TEST_F(CallObserverTest, ALongUploadIsReportedInPartsAsLongAsItFlows) {
  auto call = Start(v1::END_CLIENT, kRound1);
  call->OnHeaders(Direction::kSent, Bytes(40));
  manual_.clock.Advance(absl::Seconds(30));
  call->OnBytes(Direction::kSent, Wire(100, 105));
  manual_.meter->Sample();
  EXPECT_TRUE(Transfers().empty()) << "it may lie in a buffer on the way";
  manual_.clock.Advance(absl::Seconds(10));
  call->OnBytes(Direction::kSent, Wire(20, 20));
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_TRUE(Transfers()[0].answered);
  EXPECT_EQ(Transfers()[0].sent.encoded_bytes, Bytes(105));
  SampleAfter(absl::Seconds(10));
  ASSERT_EQ(Transfers().size(), 2u);
  EXPECT_EQ(Transfers()[1].sent.encoded_bytes, Bytes(20));
}

TEST_F(CallObserverTest, AnUploadThatStallsIsUnanswered) {
  auto call = Start(v1::END_CLIENT, kRound1);
  call->OnBytes(Direction::kSent, Wire(100, 105));
  call->OnBytes(Direction::kSent, Wire(20, 20));
  SampleAfter(absl::Seconds(10));
  EXPECT_TRUE(Transfers().empty());
  call->End(kUnavailable);
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_FALSE(Transfers()[0].answered);
}

TEST_F(CallObserverTest, TheBeginningOfASecondMessageSaysThatTheFirstLeft) {
  auto call = Start(v1::END_CLIENT, kRound1);
  call->OnBytes(Direction::kSent, Wire(100, 105));
  call->OnMessage(Direction::kSent, Wire(20, 20));
  SampleAfter(absl::Seconds(10));
  EXPECT_TRUE(Transfers().empty());
  call->OnBytes(Direction::kSent, Wire(0, 5));
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_EQ(Transfers()[0].sent.messages, 1u);
  EXPECT_TRUE(Transfers()[0].answered);
}

TEST_F(CallObserverTest, AnAnswerThatHasBegunLetsAServersStreamMoveOn) {
  auto call = Start(v1::END_SERVER, kRound0);
  call->OnBytes(Direction::kReceived, Wire(1, 6));
  call->OnMessage(Direction::kReceived, Wire(1, 1));
  call->SetRound(kRound1);
  EXPECT_EQ(call->WholeCallRound(), kRound0);
  call->OnBytes(Direction::kSent, Wire(1, 6));
  call->SetRound(kRound1);
  EXPECT_EQ(call->WholeCallRound(), RoundId{});
}

// A sum is of all that passed, or absent.

TEST_F(CallObserverTest, ALayerThatOneMessageLacksIsAbsentForThatDirectionOfItsPart) {
  const MessageSize compressed{std::nullopt, Bytes(50), v1::COUNT_KIND_UNSPECIFIED};
  for (int last = 0; last < 3; ++last) {
    SCOPED_TRACE(last);
    auto call = Start(v1::END_SERVER, kRound0);
    for (int i = 0; i < 3; ++i) call->OnMessage(Direction::kSent, i == last ? compressed : Wire(10, 15));
    call->OnMessage(Direction::kReceived, Wire(10, 15));
    call->SetRound(kRound1);
    call->OnMessage(Direction::kSent, Wire(10, 15));
    call->End(kOk);
    const std::vector<Transfer> transfers = Transfers();
    const Transfer& first = transfers[transfers.size() - 2];
    EXPECT_EQ(Counts(first.sent), Counts({3, {}, Bytes(80), {}, v1::COUNT_KIND_UNSPECIFIED}));
    EXPECT_EQ(Counts(first.received), Counts({1, Bytes(10), Bytes(15), {}, v1::COUNT_KIND_WIRE}));
    EXPECT_EQ(Counts(transfers.back().sent), Counts({1, Bytes(10), Bytes(15), {}, v1::COUNT_KIND_WIRE}));
  }
}

TEST_F(CallObserverTest, ALayerThatOnePieceLacksIsAbsentToo) {
  auto call = Start(v1::END_CLIENT);
  call->OnBytes(Direction::kSent, {std::nullopt, Bytes(5), v1::COUNT_KIND_UNSPECIFIED});
  call->OnMessage(Direction::kSent, Wire(10, 10));
  call->OnBytes(Direction::kReceived, {Bytes(1), std::nullopt, v1::COUNT_KIND_WIRE});
  call->OnBytes(Direction::kReceived, Wire(1, 1));
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_EQ(Counts(Transfers()[0].sent), Counts({1, {}, Bytes(15), {}, v1::COUNT_KIND_UNSPECIFIED}));
  EXPECT_EQ(Counts(Transfers()[0].received), Counts({0, Bytes(2), {}, {}, v1::COUNT_KIND_WIRE}));
}

// Answered: OK, anything received, or SetAnswered.

TEST_F(CallObserverTest, AFailedCallThatGotNothingIsUnanswered) {
  auto call = Start(v1::END_CLIENT);
  call->OnMessage(Direction::kSent, Serialized(100'000));
  call->End(kUnavailable);
  EXPECT_FALSE(Transfers()[0].answered);
}

TEST_F(CallObserverTest, AFailedCallIsUnansweredHoweverMuchItSent) {
  auto call = Start(v1::END_CLIENT);
  for (int i = 0; i < 20; ++i) call->OnMessage(Direction::kSent, Serialized(100));
  call->End(kCancelled);
  EXPECT_FALSE(Transfers()[0].answered);
}

TEST_F(CallObserverTest, AFailedCallIsAnsweredByAMessageAHeaderOrAWord) {
  auto message = Start(v1::END_CLIENT);
  message->OnMessage(Direction::kReceived, Serialized(1));
  message->End(kUnavailable);
  auto header = Start(v1::END_CLIENT);
  header->OnHeaders(Direction::kReceived, Bytes(1));
  header->End(kUnavailable);
  auto word = Start(v1::END_CLIENT);
  word->SetAnswered();
  word->End(kUnavailable);
  ASSERT_EQ(Transfers().size(), 3u);
  for (const Transfer& transfer : Transfers()) EXPECT_TRUE(transfer.answered);
}

TEST_F(CallObserverTest, AServersEndIsAnsweredByTheRequest) {
  Start(v1::END_SERVER)->End(kUnavailable);
  EXPECT_TRUE(Transfers()[0].answered);
}

// Parts by time.

TEST_F(CallObserverTest, TheSweepClosesAPartAtTheIntervalAndNotBefore) {
  auto idle = Start(v1::END_SERVER, kRound1);  // nothing moves: no part
  manual_.clock.Advance(absl::Minutes(5));
  auto call = Start(v1::END_SERVER, kRound1);
  call->OnMessage(Direction::kReceived, Serialized(10));
  SampleAfter(absl::Seconds(10) - absl::Nanoseconds(1));
  EXPECT_TRUE(Transfers().empty());
  SampleAfter(absl::Nanoseconds(1));
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_EQ(Transfers()[0].part, 0u);
  EXPECT_EQ(Transfers()[0].status, std::nullopt);
  EXPECT_EQ(Transfers()[0].received.message_bytes, Bytes(10));
  EXPECT_EQ(Transfers()[0].duration, absl::Seconds(10));

  SampleAfter(absl::Minutes(1));
  EXPECT_EQ(Transfers().size(), 1u) << "an empty part is none";
  const absl::Time second_ended = manual_.clock.Now();
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 2u);
  EXPECT_EQ(Transfers()[1].part, 1u);
  EXPECT_EQ(Transfers()[1].status, kOk);
  EXPECT_EQ(Transfers()[1].received.messages, 0u);
  EXPECT_EQ(Transfers()[1].start + Transfers()[1].duration, second_ended);
}

TEST_F(CallObserverTest, APartAfterAPauseStartsWhenBytesMoveAgain) {
  auto call = Start(v1::END_SERVER, kRound1);
  call->OnMessage(Direction::kReceived, Serialized(10));
  SampleAfter(absl::Seconds(10));
  ASSERT_EQ(Transfers().size(), 1u);
  manual_.clock.Advance(absl::Hours(1));
  const absl::Time resumed = manual_.clock.Now();
  call->OnMessage(Direction::kReceived, Serialized(7));
  manual_.clock.Advance(absl::Seconds(1));
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 2u);
  EXPECT_EQ(Transfers()[1].start, resumed);
  EXPECT_EQ(Transfers()[1].duration, absl::Seconds(1));
}

TEST_F(CallObserverTest, AMessageClosesADuePartWithoutASweep) {
  auto call = Start(v1::END_SERVER, kRound1);
  for (int i = 0; i < 3; ++i) call->OnMessage(Direction::kReceived, Serialized(10));
  manual_.clock.Advance(absl::Seconds(10));
  call->OnMessage(Direction::kReceived, Serialized(7));
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_EQ(Transfers()[0].received.message_bytes, Bytes(30));
  manual_.clock.Advance(absl::Seconds(10));
  call->OnMessage(Direction::kReceived, Serialized(5));
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 3u);
  EXPECT_EQ(Transfers()[1].received.message_bytes, Bytes(7));
  EXPECT_EQ(Transfers()[2].received.message_bytes, Bytes(5));
}

TEST_F(CallObserverTest, APartThatMayNotHaveReachedThePeerWaitsForTheEnd) {
  auto call = Start(v1::END_CLIENT, kRound1);
  call->OnMessage(Direction::kSent, Serialized(1'000'000));  // one large message, slowly uploaded
  SampleAfter(absl::Minutes(1));
  EXPECT_TRUE(Transfers().empty());
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_TRUE(Transfers()[0].answered);
}

TEST_F(CallObserverTest, APartIsAnsweredOnceASecondMessageCouldBeSent) {
  auto call = Start(v1::END_CLIENT, kRound1);
  call->OnMessage(Direction::kSent, Serialized(10));
  call->OnMessage(Direction::kSent, Serialized(10));
  SampleAfter(absl::Seconds(10));
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_TRUE(Transfers()[0].answered);
  call->OnMessage(Direction::kSent, Serialized(10));
  call->End(kUnavailable);
  EXPECT_FALSE(Transfers()[1].answered) << "the last part of a call that was never answered";
}

TEST_F(CallObserverTest, PartsThatWaitedAreUnansweredIfTheCallWas) {
  auto call = Start(v1::END_CLIENT, kRound0);
  call->OnMessage(Direction::kSent, Serialized(10));
  call->SetRound(kRound1);
  EXPECT_TRUE(Transfers().empty());
  call->End(kUnavailable);
  ASSERT_EQ(Transfers().size(), 2u);
  EXPECT_FALSE(Transfers()[0].answered);
  EXPECT_EQ(Transfers()[0].sent.message_bytes, Bytes(10));
  EXPECT_FALSE(Transfers()[1].answered);
}

TEST_F(CallObserverTest, PartsThatWaitedAreRecordedWithTheAnswer) {
  auto call = Start(v1::END_CLIENT, kRound0);
  call->OnMessage(Direction::kSent, Serialized(10));
  call->SetRound(kRound1);
  call->SetPeer("second-aggregator");
  EXPECT_TRUE(Transfers().empty()) << "who it is does not say that it is there";
  call->SetAnswered();
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_TRUE(Transfers()[0].answered);
  EXPECT_EQ(Transfers()[0].peer, "second-aggregator");
  EXPECT_EQ(Transfers()[0].round, kRound0);
}

// Waste, and rounds that somebody else binds.

TEST_F(CallObserverTest, WasteMarksThePartsThatWaitToo) {
  auto call = Start(v1::END_CLIENT, kRound0);
  call->OnMessage(Direction::kSent, Serialized(10));
  call->SetRound(kRound1);
  call->SetWaste(v1::WASTE_RETRY);
  call->OnMessage(Direction::kReceived, Serialized(1));
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 2u);
  for (const Transfer& part : Transfers()) EXPECT_EQ(part.waste, v1::WASTE_RETRY);
}

TEST_F(CallObserverTest, WasteMarksThePartsThatFollowAndNoneThatWereRecorded) {
  auto call = Start(v1::END_SERVER);
  call->OnMessage(Direction::kReceived, Serialized(10), kRound0);
  call->OnMessage(Direction::kReceived, Serialized(20), kRound1);
  ASSERT_EQ(Transfers().size(), 1u);
  call->SetWaste(v1::WASTE_REPEATED);
  SampleAfter(absl::Seconds(10));
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 3u);
  EXPECT_EQ(Transfers()[0].waste, v1::WASTE_UNSPECIFIED);
  EXPECT_EQ(Transfers()[1].waste, v1::WASTE_REPEATED);
  EXPECT_EQ(Transfers()[2].waste, v1::WASTE_REPEATED);
}

TEST_F(CallObserverTest, SomebodyElsesBindingIsCarriedWhileTheRoundIsUnknown) {
  auto call = Start(v1::END_SERVER);
  call->SetBinding(99);
  call->OnMessage(Direction::kReceived, Serialized(10));
  SampleAfter(absl::Seconds(10));
  call->OnMessage(Direction::kReceived, Serialized(20));
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 2u);
  for (const Transfer& part : Transfers()) EXPECT_EQ(part.binding, 99u);

  auto named = Start(v1::END_SERVER);
  named->SetBinding(99);
  named->SetRound(kRound1);
  named->End(kOk);
  EXPECT_EQ(Transfers()[2].binding, 0u);
  EXPECT_TRUE(Bindings().empty()) << "somebody else records it";
}

TEST_F(CallObserverTest, APartMayBeginBeforeItsRoundIsKnown) {
  auto call = Start(v1::END_SERVER, {"run", std::nullopt});
  call->OnHeaders(Direction::kReceived, Bytes(1));
  call->BeginPart(7);
  call->OnMessage(Direction::kReceived, Serialized(10));
  SampleAfter(absl::Seconds(10));
  call->OnMessage(Direction::kReceived, Serialized(20));
  call->SetRound(kRound0);
  call->BeginPart(8);
  call->OnMessage(Direction::kReceived, Serialized(40));
  EXPECT_EQ(call->WholeCallRound(), RoundId{});
  call->End(kOk);
  const std::vector<Transfer> parts = Transfers();
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[0].round, (RoundId{"run", std::nullopt}));
  EXPECT_EQ(parts[1].round, (RoundId{"run", std::nullopt}));
  EXPECT_EQ(parts[1].binding, 7u);
  EXPECT_EQ(parts[1].received.message_bytes, Bytes(10));
  EXPECT_EQ(parts[2].round, kRound0);
  EXPECT_EQ(parts[2].received.message_bytes, Bytes(20));
  EXPECT_EQ(parts[3].round, (RoundId{"run", std::nullopt}));
  EXPECT_EQ(parts[3].binding, 8u);
  EXPECT_EQ(parts[3].received.message_bytes, Bytes(40));
  EXPECT_TRUE(Bindings().empty());
}

// The peer of a client's call.

TEST_F(CallObserverTest, PartsOfAClientWaitUntilThePeerIsKnown) {
  auto call = StartWithoutPeer(v1::END_CLIENT, kRound0);
  call->OnMessage(Direction::kReceived, Serialized(10));
  call->SetRound(kRound1);
  call->OnMessage(Direction::kReceived, Serialized(20));
  SampleAfter(absl::Seconds(10));
  EXPECT_TRUE(Transfers().empty());
  call->SetPeer("aggregator");
  ASSERT_EQ(Transfers().size(), 2u);
  EXPECT_EQ(Transfers()[0].round, kRound0);
  EXPECT_EQ(Transfers()[1].received.message_bytes, Bytes(20));
  call->OnMessage(Direction::kReceived, Serialized(30));
  SampleAfter(absl::Seconds(10));
  ASSERT_EQ(Transfers().size(), 3u) << "nothing waits from here on";
  for (const Transfer& part : Transfers()) EXPECT_EQ(part.peer, "aggregator");
}

TEST_F(CallObserverTest, PartsOfAClientAreRecordedOnceThePeerIsSettled) {
  auto call = StartWithoutPeer(v1::END_CLIENT, kRound0);
  call->OnMessage(Direction::kReceived, Serialized(10));
  call->SetRound(kRound1);
  EXPECT_TRUE(Transfers().empty());
  call->SettlePeer();
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_EQ(Transfers()[0].peer, "");
  call->SetPeer("aggregator");
  call->End(kOk);
  EXPECT_EQ(Transfers()[1].peer, "aggregator");
}

TEST_F(CallObserverTest, ASettledPeerDoesNotConfirmAPart) {
  auto call = StartWithoutPeer(v1::END_CLIENT, kRound0);
  call->OnMessage(Direction::kSent, Serialized(10));
  call->SetRound(kRound1);
  call->SettlePeer();
  EXPECT_TRUE(Transfers().empty());
}

TEST_F(CallObserverTest, TheEndRecordsPartsOfAPeerThatNobodyNamed) {
  auto call = StartWithoutPeer(v1::END_CLIENT, kRound0);
  call->OnMessage(Direction::kReceived, Serialized(10));
  call->SetRound(kRound1);
  call->End(kCancelled);
  ASSERT_EQ(Transfers().size(), 2u);
  EXPECT_EQ(Transfers()[0].part, 0u);
  EXPECT_EQ(Transfers()[0].peer, "");
  EXPECT_TRUE(Transfers()[0].answered);
}

TEST_F(CallObserverTest, PartsOfAServerWaitForNoPeer) {
  auto call = StartWithoutPeer(v1::END_SERVER);
  call->OnMessage(Direction::kReceived, Serialized(10), kRound0);
  call->OnMessage(Direction::kReceived, Serialized(10), kRound1);
  EXPECT_EQ(Transfers().size(), 1u);
}

// Rounds.

TEST_F(CallObserverTest, AStreamOverFiveRoundsIsVisibleInFiveRoundsBeforeItEnds) {
  auto call = Start(v1::END_CLIENT, kRound0);
  for (uint64_t round = 0; round < 6; ++round) {
    call->OnMessage(Direction::kSent, Serialized(100 + round), RoundId{"run", round});
    call->OnMessage(Direction::kReceived, Serialized(200 + round));
  }
  const auto before_the_end = Transfers();
  ASSERT_EQ(before_the_end.size(), 5u);
  for (uint64_t round = 0; round < 5; ++round) {
    EXPECT_EQ(before_the_end[round].round, (RoundId{"run", round}));
    EXPECT_EQ(before_the_end[round].part, round);
    EXPECT_EQ(before_the_end[round].status, std::nullopt);
    EXPECT_TRUE(before_the_end[round].answered);
    EXPECT_EQ(before_the_end[round].sent.message_bytes, Bytes(100 + round));
    EXPECT_EQ(before_the_end[round].received.message_bytes, Bytes(200 + round));
  }
  EXPECT_EQ(call->WholeCallRound(), RoundId{});
  call->End(kOk);
  EXPECT_EQ(Transfers().back().round, (RoundId{"run", 5}));
  EXPECT_EQ(Transfers().back().status, kOk);
  EXPECT_TRUE(Bindings().empty());
}

TEST_F(CallObserverTest, SetRoundBooksWhatWasSeenBeforeItAndNeedsNoBinding) {
  auto call = Start(v1::END_SERVER);
  call->OnMessage(Direction::kReceived, Serialized(10));
  call->SetRound(kRound0);
  EXPECT_EQ(call->WholeCallRound(), kRound0);
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_EQ(Transfers()[0].round, kRound0);
  EXPECT_EQ(Transfers()[0].binding, 0u);
  EXPECT_TRUE(Bindings().empty());
}

TEST_F(CallObserverTest, ARunAloneIsCompletedByItsRound) {
  auto call = Start(v1::END_SERVER, {"run", std::nullopt});
  call->OnMessage(Direction::kReceived, Serialized(10));
  call->SetRound({"run", 4});
  call->SetRound({"run", std::nullopt});  // says less, changes nothing
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_EQ(Transfers()[0].round, (RoundId{"run", 4}));
}

TEST_F(CallObserverTest, PartsWithoutARoundAreBoundAtTheEnd) {
  auto call = Start(v1::END_SERVER);
  call->OnMessage(Direction::kReceived, Serialized(10));
  SampleAfter(absl::Seconds(10));
  call->OnMessage(Direction::kReceived, Serialized(20));
  call->SetRound(kRound1);
  EXPECT_TRUE(Bindings().empty()) << "the call may still come to another round";
  call->End(kOk);
  const auto parts = Transfers();
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].round, RoundId{});
  EXPECT_NE(parts[0].binding, 0u);
  EXPECT_EQ(parts[1].round, kRound1);
  EXPECT_EQ(parts[1].binding, 0u);
  ASSERT_EQ(Bindings().size(), 1u);
  EXPECT_EQ(Bindings()[0].key, parts[0].binding);
  EXPECT_EQ(Bindings()[0].round, kRound1);
}

TEST_F(CallObserverTest, ACallOfSeveralRoundsIsNeverBound) {
  auto call = Start(v1::END_SERVER);
  call->OnMessage(Direction::kReceived, Serialized(10));
  SampleAfter(absl::Seconds(10));
  call->SetRound(kRound0);
  call->OnMessage(Direction::kReceived, Serialized(20));
  call->SetRound(kRound1);
  EXPECT_EQ(call->WholeCallRound(), RoundId{});
  call->End(kOk);
  EXPECT_EQ(Transfers().size(), 3u);
  EXPECT_TRUE(Bindings().empty());
}

TEST_F(CallObserverTest, AtAServerTheRequestsRoundCounts) {
  auto call = Start(v1::END_SERVER, kRound0);
  call->OnMessage(Direction::kReceived, Serialized(10));
  call->SetRound(kRound1);
  call->OnMessage(Direction::kSent, Serialized(10));
  call->End(kOk);
  ASSERT_EQ(Transfers().size(), 1u);
  EXPECT_EQ(Transfers()[0].round, kRound0);
}

TEST_F(CallObserverTest, AtAServerAStreamMayGoOnToAnotherRoundThanTheRequests) {
  auto answered = Start(v1::END_SERVER, kRound0);
  answered->OnMessage(Direction::kReceived, Serialized(10));
  answered->OnMessage(Direction::kSent, Serialized(10));
  answered->SetRound(kRound1);
  answered->End(kOk);
  auto uploading = Start(v1::END_SERVER, kRound0);
  uploading->OnMessage(Direction::kReceived, Serialized(10));
  uploading->OnMessage(Direction::kReceived, Serialized(10));
  uploading->SetRound(kRound1);
  uploading->End(kOk);
  ASSERT_EQ(Transfers().size(), 4u);
  EXPECT_EQ(Transfers()[1].round, kRound1);
  EXPECT_EQ(Transfers()[3].round, kRound1);
}

TEST_F(CallObserverTest, TheAnswersRoundIsAdoptedOnlyByACallWithoutOne) {
  auto pulled = Start(v1::END_CLIENT);
  pulled->OnMessage(Direction::kReceived, Serialized(10));
  pulled->AdoptRound(kRound0);
  pulled->End(kOk);
  auto named = Start(v1::END_CLIENT, kRound1);
  named->OnMessage(Direction::kReceived, Serialized(10));
  named->AdoptRound(kRound0);
  named->End(kOk);
  ASSERT_EQ(Transfers().size(), 2u);
  EXPECT_EQ(Transfers()[0].round, kRound0);
  EXPECT_EQ(Transfers()[1].round, kRound1);
}

TEST_F(CallObserverTest, OnlyAClientsCallTakesTheRoundOfItsThread) {
  const RoundScope scope(kRound0);
  Start(v1::END_CLIENT)->End(kOk);
  Start(v1::END_CLIENT, kRound1)->End(kOk);
  Start(v1::END_SERVER)->End(kOk);
  ASSERT_EQ(Transfers().size(), 3u);
  EXPECT_EQ(Transfers()[0].round, kRound0);
  EXPECT_EQ(Transfers()[1].round, kRound1);
  EXPECT_EQ(Transfers()[2].round, RoundId{});
}

TEST_F(CallObserverTest, ACallOutlivesItsMeter) {
  auto call = Start(v1::END_CLIENT);
  call->OnMessage(Direction::kSent, Serialized(10));
  manual_.meter.reset();
  call->OnMessage(Direction::kReceived, Serialized(10));
  call->End(kOk);
  call.reset();
  EXPECT_EQ(Transfers().size(), 1u);
}

// Threads. For TSan, and for uniqueness and sums.

TEST(CallObserverThreadsTest, EightThreadsLoseAndRepeatNothing) {
  constexpr int kThreads = 8;
  constexpr int kCalls = 500;
  MeterOptions options = ManualMeter::Options();
  options.sample_interval = absl::Milliseconds(10);
  options.part_interval = absl::Microseconds(50);
  auto sink = std::make_shared<Collector>();
  auto meter = *Meter::Create(options, sink);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&meter, i] {
      for (uint64_t n = 0; n < kCalls; ++n) {
        const RoundScope scope({"run", n});
        const ComputeSpan span(meter, v1::SPAN_KIND_TRAIN);
        CallStart start;
        start.end = i % 2 == 0 ? v1::END_CLIENT : v1::END_SERVER;
        auto call = meter->StartCall(start);
        std::thread reader;
        if (n % 50 == 0) {
          reader = std::thread([call] {
            for (int m = 0; m < 20; ++m) call->OnMessage(Direction::kReceived, Serialized(2));
          });
        }
        for (int m = 0; m < 4; ++m) {
          call->OnMessage(Direction::kSent, Serialized(3), RoundScope::Current());
        }
        call->SetRound({"run", n + 1});
        if (reader.joinable()) reader.join();
        call->End(kOk);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  meter.reset();

  std::set<std::tuple<uint64_t, int, uint32_t>> parts;
  uint64_t ended = 0;
  Bytes sent;
  Bytes received;
  for (const Transfer& transfer : sink->All<Transfer>()) {
    EXPECT_TRUE(parts.emplace(transfer.call_id, transfer.end, transfer.part).second);
    ended += transfer.status.has_value() ? 1 : 0;
    sent += transfer.sent.message_bytes.value_or(Bytes(0));
    received += transfer.received.message_bytes.value_or(Bytes(0));
  }
  EXPECT_EQ(ended, uint64_t{kThreads * kCalls});
  EXPECT_EQ(sent, Bytes(uint64_t{kThreads * kCalls} * 4 * 3));
  EXPECT_EQ(received, Bytes(uint64_t{kThreads * kCalls} / 50 * 20 * 2));
  EXPECT_EQ(sink->All<Span>().size(), size_t{kThreads * kCalls});
}

}  // namespace
}  // namespace fedcarbon
