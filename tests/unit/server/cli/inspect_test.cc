#include "server/cli/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fedcarbon/report/batch_builder.h"

namespace fedcarbon::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kSealed = absl::FromUnixSeconds(1'717'243'200);  // 2024-06-01T12:00:00Z

std::string SealedBatch() {
  Transfer transfer;
  transfer.call_id = 0xabc;
  transfer.end = v1::END_CLIENT;
  transfer.observer = v1::OBSERVER_INTERCEPTOR;
  transfer.peer = "aggregator.example";
  transfer.method = "/demo.Training/Fit";
  transfer.round = {"run:1", 3};
  transfer.start = kSealed - absl::Seconds(1);
  transfer.duration = absl::Milliseconds(20);
  transfer.status = 0;
  transfer.waste = v1::WASTE_REPEATED;
  transfer.sent.messages = 1;
  transfer.sent.kind = v1::COUNT_KIND_SERIALIZED;
  transfer.sent.message_bytes = Bytes(1'234'567);
  Gap gap;
  gap.reason = v1::Gap::REASON_DECODER;
  gap.from = gap.to = kSealed - absl::Seconds(2);
  gap.detail = "\x1b[2J";
  Connection connection;
  connection.id = 77;
  connection.peer = "relay.example";
  connection.end = v1::END_SERVER;
  connection.protocol = "h2";
  connection.start = kSealed - absl::Seconds(3);
  connection.sent = Bytes(1'234'999);
  const Span span{v1::SPAN_KIND_TRAIN, {"run:1", 3},          kSealed - absl::Seconds(9),
                  absl::Seconds(5),    v1::OUTCOME_COMPLETED, /*is_upper_bound=*/true};
  BatchBuilder builder(kMaxSealedBatchBytes);
  EXPECT_TRUE(builder.Add(connection));
  EXPECT_TRUE(builder.Add(span));
  EXPECT_TRUE(builder.Add(transfer));
  EXPECT_TRUE(builder.Add(RunEvent{"run:1", kSealed, v1::OUTCOME_COMPLETED, "", 0}));
  EXPECT_TRUE(builder.Add(gap));
  return builder.Seal({"hospital.example", 9, 4}, {kSealed, absl::Hours(1), "boot-7"});
}

TEST(Inspect, ShowsEverythingThatLeavesTheNode) {
  const std::string text = InspectText(SealedBatch(), Style()).value();
  for (const char* shown : {"Batch 4 of hospital.example",
                            "sealed at 2024-06-01T12:00:00.000000Z",
                            "unsigned",
                            "boot-7",
                            "run: \"run:1\"",
                            "OUTCOME_COMPLETED",
                            "REASON_DECODER",
                            "from_us: 2024-06-01T11:59:58.000000Z",
                            "connection_id: 77",
                            "peer: \"relay.example\"",
                            "protocol: \"h2\"",
                            "start_us: 2024-06-01T11:59:57.000000Z",
                            "sent_transport_bytes: 1234999",
                            "transfer 2024-06-01T11:59:59.000000Z 20 ms /demo.Training/Fit",
                            "client of aggregator.example",
                            "round 3",
                            "is_upper_bound: true",
                            "call 0000000000000abc",
                            "status 0, waste repeated",
                            "message bytes 1,234,567 (serialized)"}) {
    EXPECT_THAT(text, HasSubstr(shown));
  }
}

TEST(Inspect, TextInABatchCannotSteerTheTerminal) {
  EXPECT_THAT(InspectText(SealedBatch(), Style()).value(), Not(HasSubstr("\x1b")));
}

TEST(Inspect, WhatIsNoBatchIsAnError) {
  EXPECT_FALSE(InspectText("no batch", Style()).ok());
  EXPECT_FALSE(InspectText("", Style()).ok());
}

}  // namespace
}  // namespace fedcarbon::cli
