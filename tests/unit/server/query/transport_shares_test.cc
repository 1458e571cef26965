#include "server/query/transport_shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fedcarbon::server {
namespace {

constexpr bool kSending = true;
constexpr bool kReceiving = false;

TEST(TransportShares, AreByEdgeEndAndHour) {
  TransportShares transport;
  transport.Add(1, kSending, 10, {Bytes(110), Bytes(100)});
  EXPECT_EQ(transport.Share(1, kSending, 10, Bytes(50)), Bytes(55));
  EXPECT_EQ(transport.Share(1, kSending, 10, Bytes(0)), Bytes(0));
  EXPECT_FALSE(transport.Share(2, kSending, 10, Bytes(50)).has_value());
  EXPECT_FALSE(transport.Share(1, kReceiving, 10, Bytes(50)).has_value());
  EXPECT_FALSE(transport.Share(1, kSending, 11, Bytes(50)).has_value());
}

TEST(TransportShares, AreRoundedDown) {
  TransportShares transport;
  transport.Add(1, kSending, 10, {Bytes(11), Bytes(3)});
  EXPECT_EQ(transport.Share(1, kSending, 10, Bytes(2)), Bytes(7));
}

TEST(TransportShares, AreNeverLessThanWhatTravelled) {
  TransportShares transport;
  transport.Add(1, kSending, 10, {Bytes(60), Bytes(100)});  // the rest is told later
  EXPECT_EQ(transport.Share(1, kSending, 10, Bytes(50)), Bytes(50));
}

TEST(TransportShares, NoConnectionIsNoShare) {
  TransportShares transport;
  transport.Add(1, kSending, 10, {Bytes(0), Bytes(100)});
  EXPECT_FALSE(transport.Share(1, kSending, 10, Bytes(50)).has_value());
}

TEST(TransportShares, SaturateInsteadOfWrapping) {
  TransportShares transport;
  transport.Add(1, kSending, 10, {Bytes(UINT64_MAX), Bytes(1)});
  EXPECT_EQ(transport.Share(1, kSending, 10, Bytes(UINT64_MAX)), Bytes(UINT64_MAX));
}

TEST(TransportShares, AreTheSameWhereConnectionsCarriedTheSame) {
  TransportShares before;
  before.Add(1, kSending, 10, {Bytes(100), Bytes(50)});
  TransportShares now = before;
  now.Add(1, kSending, 11, {Bytes(1), Bytes(0)});
  EXPECT_TRUE(now.SharesAs(before, 1, kSending, 10));
  EXPECT_FALSE(now.SharesAs(before, 1, kSending, 11));
  EXPECT_FALSE(before.SharesAs(now, 1, kSending, 11));
  EXPECT_TRUE(now.SharesAs(before, 1, kReceiving, 10)) << "none is known";
  now.Add(1, kSending, 10, {Bytes(0), Bytes(1)});
  EXPECT_FALSE(now.SharesAs(before, 1, kSending, 10));
}

TEST(TransportShares, CarryTheLargerOfBothEndsOverAllHours) {
  TransportShares transport;
  transport.Add(1, kSending, 10, {Bytes(100), Bytes(0)});
  transport.Add(1, kSending, 11, {Bytes(50), Bytes(0)});
  transport.Add(1, kReceiving, 10, {Bytes(120), Bytes(0)});
  transport.Add(2, kReceiving, 10, {Bytes(999), Bytes(0)});
  EXPECT_EQ(transport.Carried(1), Bytes(150));
  EXPECT_EQ(transport.Carried(3), Bytes(0));
}

}  // namespace
}  // namespace fedcarbon::server
