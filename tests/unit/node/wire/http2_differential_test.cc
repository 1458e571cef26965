// Two sessions of nghttp2 talk at random; what passed between them is fed to the decoder, cut at random, and
// has to give call by call and message by message what the sessions say that they sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <deque>
#include <map>
#include <set>
#include <string>

#include "node/wire/http2_decoder.h"
#include "tests/unit/node/wire/http2_frames.h"
#include "tests/unit/node/wire/random.h"
#include "tests/unit/node/wire/recorder.h"
#include "tests/unit/random_seed.h"

namespace fedcarbon::node {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

/// Mostly small; at times large enough for CONTINUATION.
std::string Text(Random* random) { return random->Text(60, 30'000); }

/// What one side means to send in one stream.
struct Plan {
  Fields headers;
  std::vector<Fields> informational;
  std::optional<Fields> trailers;
  bool grpc = false;
  bool coded = false;
  int status = 2;
  std::string body;
  std::vector<Message> messages;  // of gRPC
  size_t sent = 0;

  /// What the messages are once `bytes` of the body have passed.
  std::vector<Message> Passed(size_t bytes, bool ended) const {
    if (!grpc) {
      if (bytes == 0 && !ended) return {};
      return {{bytes, coded ? std::nullopt : std::optional<uint64_t>(bytes), ended}};
    }
    std::vector<Message> passed;
    for (const Message& message : messages) {
      if (bytes == 0) break;
      const uint64_t encoded = std::min<uint64_t>(bytes, message.encoded);
      bytes -= encoded;
      Message part{encoded, std::nullopt, encoded == message.encoded};
      if (message.message.has_value()) part.message = encoded < 5 ? 0 : encoded - 5;
      passed.push_back(part);
    }
    return passed;
  }
};

/// A frame that a session says it has sent.
struct Event {
  uint8_t type;
  uint32_t stream;
  bool ends_stream;
  size_t data;  // without padding
  Fields watched;
};

struct Chunk {
  std::string bytes;
  std::vector<Event> events;  // when the last byte has passed
};

/// A session of nghttp2 with a plan for each stream.
class Peer {
 public:
  Peer(End end, Random* random) : end_(end), random_(random) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, OnFrameSend);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrameReceived);
    nghttp2_session_callbacks_set_select_padding_callback(callbacks, SelectPadding);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_http_messaging(option, 1);  // raw values
    nghttp2_option_set_max_deflate_dynamic_table_size(option, 1'048'576);
    nghttp2_option_set_max_send_header_block_length(option, 1'048'576);
    const int created = end == End::kClient ? nghttp2_session_client_new2(&session_, callbacks, this, option)
                                            : nghttp2_session_server_new2(&session_, callbacks, this, option);
    Require(created == 0, "nghttp2 makes a session");
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    ChangeSettings();
  }
  ~Peer() { nghttp2_session_del(session_); }
  Peer(const Peer&) = delete;

  void ChangeSettings() {
    std::vector<nghttp2_settings_entry> settings = {
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, random_->Of<uint32_t>({0, 100, 4'096, 20'000, 1'048'576})},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, random_->Of<uint32_t>({16'384, 16'385, 1'000'000})},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, random_->Of<uint32_t>({100, 65'535, 1'000'000})}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(),
                            random_->Below(settings.size() + 1));
  }

  void Request(Plan plan) {
    auto kept = std::make_unique<Plan>(std::move(plan));
    nghttp2_data_provider body = Body(kept.get());
    nghttp2_priority_spec priority;
    nghttp2_priority_spec_init(&priority, 0, 1 + static_cast<int32_t>(random_->Below(256)),
                               random_->OneIn(2));
    const int32_t id =
        nghttp2_submit_request(session_, random_->OneIn(3) ? &priority : nullptr, List(kept->headers).data(),
                               kept->headers.size(), HasBody(*kept) ? &body : nullptr, nullptr);
    if (id > 0) Insert(static_cast<uint32_t>(id), std::move(kept));
  }

  void Answer(uint32_t stream, Plan plan) {
    auto kept = std::make_unique<Plan>(std::move(plan));
    const auto id = static_cast<int32_t>(stream);
    for (const Fields& fields : kept->informational) {
      nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, id, nullptr, List(fields).data(), fields.size(),
                             nullptr);
    }
    nghttp2_data_provider body = Body(kept.get());
    nghttp2_submit_response(session_, id, List(kept->headers).data(), kept->headers.size(),
                            HasBody(*kept) ? &body : nullptr);
    Insert(stream, std::move(kept));
  }

  void Push(uint32_t stream, const Fields& request) {
    const int32_t promised =
        nghttp2_submit_push_promise(session_, NGHTTP2_FLAG_NONE, static_cast<int32_t>(stream),
                                    List(request).data(), request.size(), nullptr);
    if (promised < 0) return;
    Plan plan;
    plan.headers = {{":status", "200"}, {"x-pushed", Text(random_)}};
    plan.body = "pushed" + Text(random_);
    Answer(static_cast<uint32_t>(promised), std::move(plan));
  }

  void Reset(uint32_t stream) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, static_cast<int32_t>(stream),
                              static_cast<uint32_t>(random_->Below(14)));
  }

  void SendSomethingElse() {
    switch (random_->Below(4)) {
      case 0:
        nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
        break;
      case 1:
        ChangeSettings();
        break;
      case 2:
        if (end_ == End::kServer && random_->OneIn(3)) nghttp2_submit_shutdown_notice(session_);
        break;
      default:
        if (plans_.empty()) break;
        nghttp2_priority_spec priority;
        nghttp2_priority_spec_init(&priority, 0, 7, 0);
        nghttp2_submit_priority(session_, NGHTTP2_FLAG_NONE, static_cast<int32_t>(plans_.begin()->first),
                                &priority);
    }
  }

  /// Bodies that had paused go on.
  void Resume() {
    for (const auto& [stream, plan] : plans_)
      nghttp2_session_resume_data(session_, static_cast<int32_t>(stream));
  }

  /// Moves what can be sent into the pipe.
  void Send() {
    while (true) {
      const uint8_t* data = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &data);
      Require(size >= 0, "nghttp2 sends");
      if (size == 0) return;
      // A frame is called sent as its last piece is handed out.
      pipe.push_back({std::string(reinterpret_cast<const char*>(data), static_cast<size_t>(size)),
                      std::exchange(events_, {})});
    }
  }

  void Receive(std::string_view bytes) {
    const ssize_t taken =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    Require(taken == static_cast<ssize_t>(bytes.size()), "nghttp2 understands nghttp2");
  }

  const Plan& plan(uint32_t stream) const { return *plans_.at(stream); }
  bool plans(uint32_t stream) const { return plans_.count(stream) == 1; }

  std::deque<Chunk> pipe;           // sent, on its way
  std::vector<uint32_t> to_answer;  // requests that came
  std::vector<uint32_t> opened;     // streams, by whoever

 private:
  static std::vector<nghttp2_nv> List(const Fields& fields) {
    std::vector<nghttp2_nv> list;
    const auto bytes = [](const std::string& text) {
      return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
    };
    for (const auto& [name, value] : fields) {
      list.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    return list;
  }

  static bool HasBody(const Plan& plan) { return !plan.body.empty() || plan.trailers.has_value(); }

  static nghttp2_data_provider Body(Plan* plan) {
    nghttp2_data_provider provider;
    provider.source.ptr = plan;
    provider.read_callback = ReadBody;
    return provider;
  }

  void Insert(uint32_t stream, std::unique_ptr<Plan> plan) {
    plans_[stream] = std::move(plan);
    opened.push_back(stream);
  }

  static ssize_t ReadBody(nghttp2_session* session, int32_t stream, uint8_t* out, size_t space,
                          uint32_t* flags, nghttp2_data_source* source, void* self) {
    Random& random = *static_cast<Peer*>(self)->random_;
    Plan& plan = *static_cast<Plan*>(source->ptr);
    if (random.OneIn(5)) return NGHTTP2_ERR_DEFERRED;
    const size_t left = plan.body.size() - plan.sent;
    const size_t size = std::min({left, space, random.OneIn(2) ? left : random.Below(20)});
    plan.body.copy(reinterpret_cast<char*>(out), size, plan.sent);
    plan.sent += size;
    // At times the end comes in a frame of its own.
    if (plan.sent == plan.body.size() && (size == 0 || random.OneIn(2))) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (plan.trailers.has_value()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, stream, List(*plan.trailers).data(), plan.trailers->size());
      }
    }
    return static_cast<ssize_t>(size);
  }

  static int OnFrameSend(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    Event event{frame->hd.type, static_cast<uint32_t>(frame->hd.stream_id), false, 0, {}};
    if (event.type == NGHTTP2_DATA) event.data = frame->hd.length - frame->data.padlen;
    if (event.type == NGHTTP2_DATA || event.type == NGHTTP2_HEADERS) {
      event.ends_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    }
    if (event.type == NGHTTP2_HEADERS) {
      const auto text = [](const uint8_t* data, size_t size) {
        return std::string(reinterpret_cast<const char*>(data), size);
      };
      for (size_t i = 0; i < frame->headers.nvlen; ++i) {
        const nghttp2_nv& field = frame->headers.nva[i];
        std::string name = text(field.name, field.namelen);
        if (!HeaderNames::Standard().Contains(name)) continue;
        event.watched.emplace_back(std::move(name), text(field.value, field.valuelen));
      }
    }
    static_cast<Peer*>(self)->events_.push_back(std::move(event));
    return 0;
  }

  static int OnFrameReceived(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      static_cast<Peer*>(self)->to_answer.push_back(static_cast<uint32_t>(frame->hd.stream_id));
    }
    return 0;
  }

  static ssize_t SelectPadding(nghttp2_session*, const nghttp2_frame* frame, size_t most, void* self) {
    Random& random = *static_cast<Peer*>(self)->random_;
    const size_t padding = random.OneIn(3) ? random.Below(257) : 0;
    return static_cast<ssize_t>(std::min(frame->hd.length + padding, most));
  }

  const End end_;
  Random* const random_;
  nghttp2_session* session_ = nullptr;
  std::vector<Event> events_;
  std::map<uint32_t, std::unique_ptr<Plan>> plans_;
};

/// One connection at random, and what an onlooker has to find in it.
class Connection {
 public:
  explicit Connection(Random* random)
      : random_(random), client_(End::kClient, random), server_(End::kServer, random) {}

  /// Until both are silent, or suddenly no more.
  void Talk() {
    size_t requests = 1 + random_->Below(12);
    size_t turns = random_->OneIn(3) ? random_->Below(60) : 100'000;
    for (int silent = 0; silent < 30 && turns > 0; --turns) {
      Act(&requests);
      client_.Send();
      server_.Send();
      for (size_t i = random_->Below(8); i > 0; --i) Pass(random_->OneIn(2) ? End::kClient : End::kServer);
      silent = client_.pipe.empty() && server_.pipe.empty() && requests == 0 ? silent + 1 : 0;
    }
  }

  std::vector<std::pair<End, std::string>> passed;  // in order
  std::vector<Call> calls;

 private:
  Peer& peer(End end) { return end == End::kClient ? client_ : server_; }

  void Act(size_t* requests) {
    if (*requests > 0 && random_->OneIn(2)) {
      --*requests;
      client_.Request(RequestPlan());
    }
    if (!server_.to_answer.empty() && random_->OneIn(3)) {
      const size_t i = random_->Below(server_.to_answer.size());
      const uint32_t stream = server_.to_answer[i];
      server_.to_answer.erase(server_.to_answer.begin() + static_cast<ptrdiff_t>(i));
      if (random_->OneIn(10))
        server_.Push(stream, {{":method", "GET"}, {":path", "/pushed"}, {"x", Text(random_)}});
      server_.Answer(stream, AnswerPlan(client_.plan(stream).grpc));
    }
    Peer& someone = peer(random_->OneIn(2) ? End::kClient : End::kServer);
    if (random_->OneIn(25) && !someone.opened.empty()) someone.Reset(random_->Of(someone.opened));
    if (random_->OneIn(15)) someone.SendSomethingElse();
    client_.Resume();
    server_.Resume();
  }

  /// The front of a pipe reaches the other end, and is seen on its way. Frames but DATA also in parts.
  void Pass(End from) {
    std::deque<Chunk>& pipe = peer(from).pipe;
    if (pipe.empty()) return;
    Chunk chunk = std::move(pipe.front());
    pipe.pop_front();
    const bool is_data = !chunk.events.empty() && chunk.events.front().type == NGHTTP2_DATA;
    if (!is_data && chunk.bytes.size() > 1 && random_->OneIn(4)) {
      const size_t cut = 1 + random_->Below(chunk.bytes.size() - 1);
      pipe.push_front({chunk.bytes.substr(cut), std::move(chunk.events)});
      chunk = {chunk.bytes.substr(0, cut), {}};
    }
    passed.emplace_back(from, chunk.bytes);
    for (const Event& event : chunk.events) Note(from, event);
    peer(Other(from)).Receive(chunk.bytes);
  }

  /// What the event means, by the rules of RFC 9113.
  void Note(End from, const Event& event) {
    if (from == End::kClient && event.type == NGHTTP2_HEADERS && streams_.count(event.stream) == 0) {
      streams_[event.stream] = {calls.size()};
      calls.emplace_back();
    }
    const auto found = streams_.find(event.stream);
    if (found == streams_.end()) return;  // the connection's, or pushed
    Stream& stream = found->second;
    Call& call = calls[stream.call];
    if (call.gone) return;
    const auto end = static_cast<size_t>(from);
    if (event.type == NGHTTP2_HEADERS) call.blocks.push_back({from, 0, event.watched});
    stream.data[end] += event.data;
    stream.ended[end] |= event.ends_stream;
    if (peer(from).plans(event.stream)) {
      call.messages[end] = peer(from).plan(event.stream).Passed(stream.data[end], stream.ended[end]);
    }
    if (event.type == NGHTTP2_RST_STREAM || (stream.ended[0] && stream.ended[1])) {
      call.status = stream.ended[1] ? server_.plan(event.stream).status : 1;
      call.gone = true;
    }
  }

  Fields Decorated(Fields fields) {
    for (size_t i = random_->Below(4); i > 0; --i)
      fields.emplace_back("x-" + std::to_string(i), Text(random_));
    if (random_->OneIn(4)) fields.emplace_back("fedcarbon-bin", std::string(1, '\0') + Text(random_));
    return fields;
  }

  void MakeBody(bool grpc, Plan* plan) {
    plan->grpc = grpc;
    if (!grpc) {
      plan->body = random_->OneIn(3) ? "" : Text(random_);
      return;
    }
    for (size_t i = random_->Below(5); i > 0; --i) {
      const std::string message = random_->OneIn(3) ? "" : Text(random_);
      const bool compressed = random_->OneIn(4);
      plan->body += GrpcMessage(message, compressed);
      plan->messages.push_back(
          {message.size() + 5, compressed ? std::nullopt : std::optional<uint64_t>(message.size()), true});
    }
    if (random_->OneIn(8)) plan->body.resize(random_->Below(plan->body.size() + 1));
  }

  Plan RequestPlan() {
    Plan plan;
    const bool grpc = !random_->OneIn(4);
    plan.headers = {{":method", grpc ? "POST" : "GET"},
                    {":scheme", "http"},
                    {":path", "/a.B/" + std::to_string(random_->Below(50))}};
    if (grpc)
      plan.headers.emplace_back("content-type",
                                random_->OneIn(2) ? "application/grpc" : "application/grpc+json");
    if (!grpc && random_->OneIn(2)) {
      plan.headers.emplace_back("content-encoding", "br");
      plan.coded = true;
    }
    plan.headers = Decorated(plan.headers);
    if (random_->OneIn(10)) plan.trailers = Decorated({});
    MakeBody(grpc, &plan);
    return plan;
  }

  Plan AnswerPlan(bool grpc_request) {
    Plan plan;
    while (random_->OneIn(6)) plan.informational.push_back(Decorated({{":status", "103"}}));
    if (!grpc_request || random_->OneIn(8)) {  // a page
      const auto [http, status] = random_->Of<std::pair<std::string, int>>(
          {{"404", 12}, {"503", 14}, {"500", 2}, {"200", grpc_request ? 2 : 0}});
      plan.headers = Decorated({{":status", http}, {"content-type", "text/html"}});
      plan.status = status;
      MakeBody(false, &plan);
      if (random_->OneIn(4)) plan.trailers = Decorated({});
      return plan;
    }
    plan.headers = Decorated({{":status", "200"}, {"content-type", "application/grpc"}});
    if (random_->OneIn(10)) {  // no status
      MakeBody(true, &plan);
      return plan;
    }
    plan.status = static_cast<int>(random_->Below(17));
    const std::pair<std::string, std::string> status("grpc-status", std::to_string(plan.status));
    if (random_->OneIn(4)) {  // trailers-only
      plan.headers.push_back(status);
      plan.grpc = true;
      return plan;
    }
    MakeBody(true, &plan);
    plan.trailers = Decorated({status});
    return plan;
  }

  /// What has passed of one.
  struct Stream {
    size_t call;
    std::array<size_t, 2> data = {};
    std::array<bool, 2> ended = {};
  };

  Random* const random_;
  Peer client_;
  Peer server_;
  std::map<uint32_t, Stream> streams_;
};

/// Byte for byte the same, in other pieces.
void Feed(const std::vector<std::pair<End, std::string>>& passed, size_t longest, Random* random,
          Decoder* decoder) {
  std::string bytes;
  for (size_t i = 0; i < passed.size(); ++i) {
    const auto& [end, chunk] = passed[i];
    bytes += chunk;
    if (i + 1 < passed.size() && passed[i + 1].first == end) continue;
    for (std::string_view left = bytes; !left.empty();) {
      const size_t size = std::min(left.size(), 1 + random->Below(longest));
      decoder->Feed(end, left.substr(0, size));
      left.remove_prefix(size);
    }
    bytes.clear();
  }
}

/// Counts what has to occur for the test to be worth its name.
using Tally = std::map<std::string, size_t>;

void CountFrames(const std::vector<std::pair<End, std::string>>& passed, Tally* tally) {
  for (const End end : {End::kClient, End::kServer}) {
    std::string bytes;
    for (const auto& [from, chunk] : passed) {
      if (from == end) bytes += chunk;
    }
    std::string_view left = bytes;
    if (end == End::kClient) left.remove_prefix(std::min(left.size(), kPreface.size()));
    std::set<uint32_t> unfinished;  // streams with DATA to follow
    while (left.size() >= 9) {
      const auto byte = [&](size_t i) { return static_cast<uint8_t>(left[i]); };
      const size_t length = byte(0) << 16 | byte(1) << 8 | byte(2);
      const uint8_t type = byte(3), flags = byte(4);
      const bool padded = (type == NGHTTP2_DATA || type == NGHTTP2_HEADERS) && (flags & kPadded) != 0;
      const bool priority = type == NGHTTP2_HEADERS && (flags & kPriority) != 0;
      const size_t content = 9 + (padded ? 1 : 0) + (priority ? 5 : 0);
      (*tally)["frames of type " + std::to_string(type)]++;
      (*tally)["padded"] += padded;
      (*tally)["with a priority"] += priority;
      if (type == NGHTTP2_HEADERS && left.size() > content) {
        (*tally)["that resize the table"] += (byte(content) & 0xe0) == 0x20;
      }
      if (type == NGHTTP2_DATA) {
        const uint32_t stream = byte(7) << 8 | byte(8);
        unfinished.insert(stream);
        (*tally)["amid others' DATA"] += unfinished.size() > 1;
        if ((flags & kEndStream) != 0) unfinished.erase(stream);
      }
      left.remove_prefix(std::min(left.size(), 9 + length));
    }
  }
}

TEST(Http2DifferentialTest, TellsWhatTheSessionsSent) {
  const uint64_t first_seed = RandomSeed();
  Tally tally;
  for (uint64_t seed = first_seed; seed < first_seed + 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Connection connection(&random);
    connection.Talk();
    for (const size_t longest : {size_t{1'000'000}, size_t{1} + random.Below(2'000), size_t{1}}) {
      Recorder recorder;
      WireLimits limits;
      Http2Decoder decoder(&recorder, &HeaderNames::Standard(), &limits);
      Feed(connection.passed, longest, &random, &decoder);
      ASSERT_THAT(recorder.gaps, ::testing::IsEmpty());
      ASSERT_EQ(recorder.calls.size(), connection.calls.size());
      for (size_t i = 0; i < recorder.calls.size(); ++i) {
        SCOPED_TRACE("call " + std::to_string(i));
        Call call = *recorder.calls[i];
        for (Block& block : call.blocks) block.bytes = 0;  // the sessions do not say
        const Call& expected = connection.calls[i];
        ASSERT_EQ(call.blocks.size(), expected.blocks.size());
        ASSERT_EQ(call.blocks, expected.blocks);
        ASSERT_EQ(call.sent(End::kClient), expected.sent(End::kClient));
        ASSERT_EQ(call.sent(End::kServer), expected.sent(End::kServer));
        ASSERT_EQ(call.status, expected.status);
        ASSERT_EQ(call.gone, expected.gone);
      }
    }
    CountFrames(connection.passed, &tally);
    for (const Call& call : connection.calls) {
      tally["calls"]++;
      tally["calls ended"] += call.status.has_value();
      tally["messages"] += call.messages[0].size() + call.messages[1].size();
    }
  }
  for (const auto& [what, count] : tally) std::printf("%8zu %s\n", count, what.c_str());
  // All frame types of RFC 9113, and what else is named; else little was tested.
  std::vector<std::string> needed = {"padded", "with a priority", "that resize the table",
                                     "amid others' DATA"};
  for (int type = 0; type <= 9; ++type) needed.push_back("frames of type " + std::to_string(type));
  for (const std::string& what : needed) EXPECT_GT(tally[what], 20u) << what;
  EXPECT_GT(tally["calls ended"], tally["calls"] / 2);
  EXPECT_GT(tally["calls"] - tally["calls ended"], 20u);
}

}  // namespace
}  // namespace fedcarbon::node
