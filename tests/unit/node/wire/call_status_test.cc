#include "node/wire/call_status.h"

#include <gtest/gtest.h>

#include <string>

namespace fedcarbon::node {
namespace {

TEST(CallStatusTest, GrpcStatusIsANumberFrom0To16OrUnknown) {
  for (int status = 0; status <= 16; ++status) EXPECT_EQ(StatusOfGrpc(std::to_string(status)), status);
  for (const char* text : {"17", "-1", "", "OK", "0x", " 0", "99999999999999999999"}) {
    EXPECT_EQ(StatusOfGrpc(text), 2) << text;
  }
}

TEST(CallStatusTest, HttpStatusesMapAsGrpcMapsThem) {
  for (const bool expects_grpc : {false, true}) {
    EXPECT_EQ(StatusOfHttp("400", expects_grpc), 13);
    EXPECT_EQ(StatusOfHttp("401", expects_grpc), 16);
    EXPECT_EQ(StatusOfHttp("403", expects_grpc), 7);
    EXPECT_EQ(StatusOfHttp("404", expects_grpc), 12);
    for (const char* unavailable : {"429", "502", "503", "504"}) {
      EXPECT_EQ(StatusOfHttp(unavailable, expects_grpc), 14) << unavailable;
    }
    for (const char* unknown : {"", "abc", "199", "418", "500", "999"}) {
      EXPECT_EQ(StatusOfHttp(unknown, expects_grpc), 2) << unknown;
    }
    for (const char* success : {"200", "204", "302", "399"}) {
      EXPECT_EQ(StatusOfHttp(success, expects_grpc), expects_grpc ? 2 : 0) << success;
    }
  }
}

}  // namespace
}  // namespace fedcarbon::node
