// Exchanges made up at random, cut and interleaved at random: the decoder has to tell of each what
// http_parser, which Node.js was built on, reads in the same bytes. And of requests that are spoilt, as to
// smuggle one in another: where both read on, they read the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <http_parser.h>

#include <deque>
#include <string>

#include "node/wire/call_status.h"
#include "node/wire/connection_decoder.h"
#include "node/wire/http1_decoder.h"
#include "tests/unit/node/wire/random.h"
#include "tests/unit/node/wire/recorder.h"
#include "tests/unit/random_seed.h"

namespace fedcarbon::node {
namespace {

using testing::Call;
using testing::Random;
using testing::Recorder;
using testing::Require;

constexpr int kConversations = FEDCARBON_LONG ? 3'000 : 300;
constexpr int kSpoilt = FEDCARBON_LONG ? 30'000 : 3'000;

/// Head and body in bytes, and where the head ends.
struct Written {
  std::string head;
  std::string rest;
};

std::string Chunks(std::string_view body, Random* random) {
  std::string text;
  while (!body.empty()) {
    const std::string_view chunk = body.substr(0, 1 + random->Below(body.size()));
    char size[20];
    std::snprintf(size, sizeof(size), random->OneIn(2) ? "%zx" : "%04zX", chunk.size());
    text += size;
    if (random->OneIn(4)) text += ";name=value";
    text += "\r\n" + std::string(chunk) + "\r\n";
    body.remove_prefix(chunk.size());
  }
  text += "0\r\n";
  if (random->OneIn(3)) text += "Trailer-Field: value\r\n";
  return text + "\r\n";
}

/// With any field that frames it; `until_close`: with none.
Written WithBody(const std::string& start, bool until_close, Random* random) {
  const std::string body = random->Text(20, 5'000);
  Written written{start + "Some-Field: value\r\n", body};
  if (until_close) {
    written.head += "Connection: close\r\n";
  } else if (random->OneIn(2)) {
    written.head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  } else {
    written.head += "Transfer-Encoding: chunked\r\n";
    written.rest = Chunks(body, random);
  }
  written.head += "\r\n";
  return written;
}

struct Exchange {
  Written request;
  std::string informational;  // before the answer
  Written answer;
};

Exchange MakeExchange(bool last, bool* until_close, Random* random) {
  static constexpr const char* kMethods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"};
  Exchange exchange;
  const std::string method = kMethods[random->Below(std::size(kMethods))];
  std::string start = method + " /path?query HTTP/1.1\r\nHost: h\r\n";
  while (random->OneIn(6)) start = "\r\n" + start;  // to be skipped
  exchange.request =
      random->OneIn(2) ? Written{start + "\r\n", ""} : WithBody(start, /*until_close=*/false, random);
  while (random->OneIn(5)) {
    exchange.informational +=
        random->OneIn(2) ? "HTTP/1.1 100 Continue\r\n\r\n" : "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n";
  }
  static constexpr int kStatuses[] = {200, 201, 204, 206, 301, 304, 400, 401, 404, 429, 500, 503};
  const int status = kStatuses[random->Below(std::size(kStatuses))];
  const std::string answer = "HTTP/1.1 " + std::to_string(status) + " Reason\r\n";
  if (status == 204 || status == 304) {
    exchange.answer = {answer + "\r\n", ""};
  } else if (method == "HEAD") {  // says how long a body would be, and has none
    exchange.answer = {answer + "Content-Length: 1234\r\n\r\n", ""};
  } else {
    *until_close = last && random->OneIn(3);
    exchange.answer = WithBody(answer, *until_close, random);
  }
  return exchange;
}

/// What http_parser reads of one side.
class Oracle {
 public:
  struct Message {
    std::string body;
    unsigned status = 0;
    bool is_head = false;
    bool whole = false;
  };

  /// `requests`: of an answers' side, what they answer.
  Oracle(http_parser_type type, const std::vector<Message>* requests) : requests_(requests) {
    http_parser_init(&parser_, type);
    parser_.data = this;
    http_parser_settings_init(&settings_);
    settings_.on_message_begin = [](http_parser* parser) {
      Self(parser)->messages_.emplace_back();
      return 0;
    };
    settings_.on_headers_complete = [](http_parser* parser) { return Self(parser)->OnHeaders(); };
    settings_.on_body = [](http_parser* parser, const char* bytes, size_t size) {
      Self(parser)->messages_.back().body.append(bytes, size);
      return 0;
    };
    settings_.on_message_complete = [](http_parser* parser) { return Self(parser)->OnComplete(); };
  }

  std::vector<Message> Read(const std::string& bytes) {
    refused = http_parser_execute(&parser_, &settings_, bytes.data(), bytes.size()) != bytes.size();
    if (!refused) http_parser_execute(&parser_, &settings_, nullptr, 0);  // the end
    return messages_;
  }

  bool refused = false;

 private:
  static Oracle* Self(http_parser* parser) { return static_cast<Oracle*>(parser->data); }

  int OnHeaders() {
    Message& message = messages_.back();
    message.status = parser_.status_code;
    message.is_head = requests_ == nullptr && parser_.method == HTTP_HEAD;
    const bool answers_head = requests_ != nullptr && requests_->at(messages_.size() - 1).is_head;
    return answers_head ? 1 : 0;  // 1: no body, whatever it says
  }
  int OnComplete() {
    messages_.back().whole = true;
    if (requests_ != nullptr && messages_.back().status / 100 == 1) messages_.pop_back();
    return 0;
  }

  const std::vector<Message>* const requests_;
  http_parser parser_;
  http_parser_settings settings_;
  std::vector<Message> messages_;
};

/// Plays the conversation to a decoder: an answer's bytes follow their request's head, or all of it.
class Conversation {
 public:
  explicit Conversation(Random* random) : random_(random) {
    const size_t count = 1 + random->Below(8);
    bool until_close = false;
    for (size_t i = 0; i < count; ++i) {
      exchanges_.push_back(MakeExchange(i + 1 == count, &until_close, random));
    }
    Decode();
  }

  void Check() const {
    Oracle client(HTTP_REQUEST, nullptr);
    const std::vector<Oracle::Message> requests = client.Read(sent_[0]);
    Oracle server(HTTP_RESPONSE, &requests);
    const std::vector<Oracle::Message> answers = server.Read(sent_[1]);
    ASSERT_FALSE(client.refused || server.refused);
    ASSERT_THAT(recorder_.gaps, ::testing::IsEmpty());
    ASSERT_EQ(requests.size(), exchanges_.size());
    ASSERT_EQ(answers.size(), exchanges_.size());
    ASSERT_EQ(recorder_.calls.size(), exchanges_.size());
    for (size_t i = 0; i < exchanges_.size(); ++i) {
      const Call& call = *recorder_.calls[i];
      EXPECT_THAT(call.sent(End::kClient), ::testing::ElementsAre(Whole(requests[i])));
      EXPECT_THAT(call.sent(End::kServer), ::testing::ElementsAre(Whole(answers[i])));
      EXPECT_EQ(call.contents[0], requests[i].body);
      EXPECT_EQ(call.contents[1], answers[i].body);
      EXPECT_EQ(call.status, StatusOfHttp(std::to_string(answers[i].status), false));
      EXPECT_TRUE(call.gone);
    }
  }

 private:
  static testing::Message Whole(const Oracle::Message& message) {
    return {message.body.size(), message.body.size(), message.whole};
  }

  void Decode() {
    std::string due[2];
    size_t asked = 0, answered = 0;  // exchanges whose bytes are due
    while (answered < exchanges_.size() || !due[0].empty() || !due[1].empty()) {
      if (asked < exchanges_.size() && random_->OneIn(2)) {
        const Written& request = exchanges_[asked++].request;
        due[0] += request.head + request.rest;
      } else if (answered < asked && due[0].empty()) {
        const Exchange& exchange = exchanges_[answered++];
        due[1] += exchange.informational + exchange.answer.head + exchange.answer.rest;
      }
      const End end = random_->OneIn(2) ? End::kClient : End::kServer;
      std::string& bytes = due[static_cast<size_t>(end)];
      if (bytes.empty()) continue;
      const size_t size =
          random_->OneIn(3) ? bytes.size() : 1 + random_->Below(std::min<size_t>(bytes.size(), 30));
      decoder_.Feed(end, bytes.substr(0, size));
      sent_[static_cast<size_t>(end)] += bytes.substr(0, size);
      bytes.erase(0, size);
    }
    for (const End end : {End::kServer, End::kClient}) decoder_.Finish(end);
  }

  Random* const random_;
  std::deque<Exchange> exchanges_;
  std::string sent_[2];
  Recorder recorder_;
  const WireLimits limits_;
  ConnectionDecoder decoder_{&recorder_, &HeaderNames::Standard(), &limits_};
};

TEST(Http1DifferentialTest, TellsWhatHttpParserReads) {
  const uint64_t first_seed = RandomSeed();
  for (uint64_t seed = first_seed; seed < first_seed + kConversations; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Conversation(&random).Check();
    if (HasFailure()) return;
  }
}

/// A few requests, and something in, instead of or missing from them that is not to be so.
std::string SpoiltRequests(Random* random) {
  static const std::vector<std::string> kWrong = {"\r",
                                                  "\n",
                                                  "\r\n",
                                                  " ",
                                                  "\t",
                                                  ",",
                                                  ";",
                                                  ":",
                                                  "0",
                                                  "-",
                                                  "+",
                                                  "0x",
                                                  "a",
                                                  "\"",
                                                  "\x80",
                                                  std::string(1, '\0'),
                                                  "chunked",
                                                  " HTTP/1.1",
                                                  "X: y\r\n z\r\n",
                                                  "Content-Length: 3\r\n",
                                                  "Content-Length: 03\r\n",
                                                  "Content-Length : 3\r\n",
                                                  "Content-Length: 3,3\r\n",
                                                  "Transfer-Encoding: chunked\r\n",
                                                  "Transfer-Encoding:\tchunked\r\n",
                                                  "Transfer_Encoding: chunked\r\n",
                                                  "Transfer-Encoding: identity\r\n",
                                                  "Transfer-Encoding: x, chunked\r\n",
                                                  "Transfer-Encoding: chunked, chunked\r\n"};
  std::string bytes;
  bool until_close = false;
  for (size_t i = 1 + random->Below(3); i > 0; --i) {
    const Written request = MakeExchange(/*last=*/false, &until_close, random).request;
    bytes += request.head + request.rest.substr(0, 200);
  }
  for (size_t i = 1 + random->Below(2); i > 0; --i) {
    size_t at = random->Below(bytes.size());
    if (random->OneIn(2)) at = bytes.find('\n', at) + 1;  // a line's begin; none: the first
    const size_t replaced = random->OneIn(3) ? 1 : 0;
    bytes.replace(at, replaced, random->OneIn(4) ? std::string() : random->Of(kWrong));
  }
  return bytes;
}

TEST(Http1DifferentialTest, ReadsOnInSpoiltRequestsOnlyAsHttpParserDoes) {
  const uint64_t first_seed = RandomSeed();
  size_t read_on = 0, alike = 0;
  for (uint64_t seed = first_seed; seed < first_seed + kSpoilt; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::string bytes = SpoiltRequests(&random);
    Oracle oracle(HTTP_REQUEST, nullptr);
    const std::vector<Oracle::Message> expected = oracle.Read(bytes);

    Recorder recorder;
    const WireLimits limits;
    Http1Decoder decoder(&recorder, &HeaderNames::Standard(), &limits);
    decoder.Feed(End::kClient, bytes);
    for (size_t i = 0; i < recorder.calls.size(); ++i) {
      const std::vector<testing::Message>& sent = recorder.calls[i]->sent(End::kClient);
      if (sent.empty() || !sent[0].whole) continue;
      if (oracle.refused && (i >= expected.size() || !expected[i].whole)) break;
      ASSERT_LT(i, expected.size());
      // One that ended with a length or its last chunk; http_parser ends a message behind the trailers.
      ASSERT_EQ(sent[0].encoded, expected[i].body.size());
      ++alike;
    }
    read_on += !recorder.lost;
  }
  EXPECT_GT(read_on, kSpoilt / 10u) << "else little was tested";
  EXPECT_GT(alike, kSpoilt / 10u);
}

}  // namespace
}  // namespace fedcarbon::node
