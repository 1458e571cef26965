#include "fedcarbon/carbon/framing.h"

#include "gtest/gtest.h"

namespace fedcarbon {
namespace {

// Ten unary calls with 1,000 B of requests each.
MeasuredBytes TenRequests() {
  MeasuredBytes measured;
  measured.transfers = measured.requests = measured.messages = 10;
  return measured;
}

TEST(FramingTest, MessageBytesGainPrefixesAndCallFraming) {
  MeasuredBytes measured = TenRequests();
  measured.message_known = 10;
  measured.message = Bytes(10'000);
  const CountedBytes counted = Count(measured);
  EXPECT_EQ(counted.bytes, Bytes(10'000 + 10 * 5 + 10 * 52));
  EXPECT_EQ(counted.layer, v1::LAYER_MESSAGE);
  EXPECT_TRUE(counted.modelled);
  EXPECT_FALSE(counted.at_least);
}

TEST(FramingTest, ResponsesGainTheirOwnFraming) {
  MeasuredBytes measured = TenRequests();
  measured.requests = 0;
  measured.responses = 10;
  measured.messages = 25;
  measured.message_known = 10;
  EXPECT_EQ(Count(measured).bytes, Bytes(25 * 5 + 10 * 44));
}

TEST(FramingTest, EncodedBytesAreTheOuterLayer) {
  MeasuredBytes measured = TenRequests();
  measured.message_known = measured.encoded_known = 10;
  measured.message = Bytes(10'000);
  measured.encoded = Bytes(4'000);
  const CountedBytes counted = Count(measured);
  EXPECT_EQ(counted.bytes, Bytes(4'000 + 10 * 52));
  EXPECT_EQ(counted.layer, v1::LAYER_ENCODED);
}

TEST(FramingTest, PartsComeToWhatTheirSumDoes) {
  MeasuredBytes part = TenRequests();
  part.responses = 3;
  part.message = Bytes(10'000);
  part.encoded = Bytes(4'000);
  part.transport = Bytes(4'700);
  MeasuredBytes sum = part;
  for (uint64_t* count : {&sum.transfers, &sum.requests, &sum.responses, &sum.messages}) *count *= 2;
  for (Bytes* bytes : {&sum.message, &sum.encoded, &sum.transport}) *bytes += *bytes;
  for (const v1::Layer layer :
       {v1::LAYER_UNSPECIFIED, v1::LAYER_MESSAGE, v1::LAYER_ENCODED, v1::LAYER_TRANSPORT}) {
    EXPECT_EQ(AtTransport(part, layer) + AtTransport(part, layer), AtTransport(sum, layer)) << layer;
  }
  EXPECT_EQ(AtTransport(part, v1::LAYER_UNSPECIFIED), Bytes(10 * 52 + 3 * 44));
  EXPECT_EQ(AtTransport(part, v1::LAYER_MESSAGE), Bytes(10'000 + 10 * 5 + 10 * 52 + 3 * 44));
  EXPECT_EQ(AtTransport(part, v1::LAYER_ENCODED), Bytes(4'000 + 10 * 52 + 3 * 44));
  EXPECT_EQ(AtTransport(part, v1::LAYER_TRANSPORT), Bytes(4'700));
}

TEST(FramingTest, MeasuredTransportIsNotModelled) {
  MeasuredBytes measured = TenRequests();
  measured.encoded_known = measured.transport_known = 10;
  measured.encoded = Bytes(4'000);
  measured.transport = Bytes(4'700);
  CountedBytes counted = Count(measured);
  EXPECT_EQ(counted.bytes, Bytes(4'700));
  EXPECT_EQ(counted.layer, v1::LAYER_TRANSPORT);
  EXPECT_FALSE(counted.modelled);
  EXPECT_FALSE(counted.at_least);

  measured.transfers = 11;
  EXPECT_TRUE(Count(measured).at_least);
  measured.encoded_known = 11;
  EXPECT_EQ(Count(measured).layer, v1::LAYER_ENCODED) << "known of more transfers";
}

TEST(FramingTest, TheLayerKnownOfMoreTransfersCounts) {
  MeasuredBytes measured = TenRequests();
  measured.message_known = 10;
  measured.message = Bytes(10'000);
  measured.encoded_known = 9;
  measured.encoded = Bytes(9'045);
  const CountedBytes counted = Count(measured);
  EXPECT_EQ(counted.layer, v1::LAYER_MESSAGE);
  EXPECT_FALSE(counted.at_least);
}

TEST(FramingTest, ALayerUnknownOfATransferIsALowerBound) {
  MeasuredBytes measured = TenRequests();
  measured.message_known = 9;
  measured.message = Bytes(9'000);
  const CountedBytes counted = Count(measured);
  EXPECT_EQ(counted.bytes, Bytes(9'000 + 50 + 520));
  EXPECT_TRUE(counted.at_least);
}

TEST(FramingTest, NoLayerAtAllIsALowerBoundOfFraming) {
  const CountedBytes counted = Count(TenRequests());
  EXPECT_EQ(counted.bytes, Bytes(520));
  EXPECT_EQ(counted.layer, v1::LAYER_UNSPECIFIED);
  EXPECT_TRUE(counted.at_least);
}

TEST(FramingTest, MoreThanCanBeCountedStaysAtTheGreatest) {
  MeasuredBytes measured = TenRequests();
  measured.message_known = 10;
  measured.messages = UINT64_MAX / 4;  // five bytes each
  EXPECT_EQ(Count(measured).bytes, Bytes(UINT64_MAX));
}

TEST(FramingTest, NothingIsNothing) {
  const CountedBytes counted = Count({});
  EXPECT_EQ(counted.bytes, Bytes(0));
  EXPECT_FALSE(counted.modelled);
  EXPECT_FALSE(counted.at_least);
}

}  // namespace
}  // namespace fedcarbon
