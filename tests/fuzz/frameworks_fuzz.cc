// Calls of a framework over one proxy: booked alike however their messages are cut, and only to what a rule
// can know.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "fedcarbon/meter/call_observer.h"
#include "fedcarbon/meter/meter.h"
#include "node/frameworks/flower/flower.h"
#include "tests/unit/node/wire/recorder.h"

using namespace fedcarbon;
using namespace fedcarbon::node;
using fedcarbon::node::testing::Require;

namespace {

constexpr std::string_view kJoin = "/flwr.proto.FlowerService/Join";
constexpr std::string_view kPaths[] = {
    "/flwr.proto.Fleet/PullMessages", "/flwr.proto.Fleet/PushMessages",     "/flwr.proto.Fleet/PullObject",
    "/flwr.proto.Fleet/PushObject",   "/v1/fleet/confirm-message-received", "/v1/fleet/send-node-heartbeat",
    "/v1/fleet/activate-node",        "/flwr.proto.Fleet/GetRun",
};

/// What became of a conversation. Ids that are drawn at random are numbered as they come.
class Booked : public FactSink {
 public:
  using Line = std::tuple<std::string, int64_t, uint64_t, int64_t>;  // run, round, key, what else

  void Record(Fact fact) override {
    if (const auto* transfer = std::get_if<Transfer>(&fact)) {
      Add(transfer->round, transfer->binding, static_cast<int64_t>(transfer->waste));
    } else if (const auto* binding = std::get_if<Binding>(&fact)) {
      Require(binding->key != 0 && binding->round.known(), "a binding that names a round");
      Add(binding->round, binding->key, -1);
    } else if (const auto* span = std::get_if<Span>(&fact)) {
      Require(span->wall >= absl::ZeroDuration() && span->wall <= passed,
              "a span within the time that passed");
      Add(span->round, 0, absl::ToInt64Nanoseconds(span->wall));
    }
  }

  void Clear() {
    lines.clear();
    keys_.clear();
    passed = absl::ZeroDuration();
  }

  std::vector<Line> lines;
  absl::Duration passed;

 private:
  void Add(const RoundId& round, uint64_t key, int64_t rest) {
    Require(!round.round.has_value() || *round.round <= kMaxRound, "a round that facts can hold");
    Require(round.run.empty() || round.run.rfind("flower:", 0) == 0, "a run of the framework's own");
    const uint64_t number = key == 0 ? 0 : keys_.emplace(key, keys_.size() + 1).first->second;
    lines.emplace_back(round.run, round.round.has_value() ? static_cast<int64_t>(*round.round) : -1, number,
                       rest);
  }

  std::map<uint64_t, uint64_t> keys_;
};

struct Fixture {
  Fixture() {
    MeterOptions options;
    options.node = "fuzz";
    options.sample_interval = absl::Hours(1'000);
    meter = *Meter::Create(options, booked, &clock);
  }

  ManualClock clock{absl::FromUnixSeconds(1'700'000'000)};
  std::shared_ptr<Booked> booked = std::make_shared<Booked>();
  std::shared_ptr<Meter> meter;
};

enum Ending { kGoesOn, kEndsOk, kEndsFailed, kIsCut };

/// Turns of four calls: a byte with the call (lowest two bits), the side (next), whether its message ends
/// here (next), how the call goes on (next two) and whether that message is hidden (next), a byte with the
/// path of a call that begins, two bytes of length, and so many bytes. The last turn may be shorter.
std::vector<Booked::Line> Book(std::string_view input, size_t piece_size, Fixture* fixture) {
  struct Open {
    std::shared_ptr<CallObserver> call;
    std::unique_ptr<CallRule> rule;
    std::array<bool, 2> under_way = {};  // a message, by side
  };
  constexpr size_t kHead = 4;
  fixture->booked->Clear();
  Flower flower(fixture->meter);
  std::array<Open, 4> calls;
  while (input.size() >= kHead) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(input[i]); };
    Open& open = calls[byte(0) & 3];
    const End from = (byte(0) & 4) == 0 ? End::kClient : End::kServer;
    const bool message_ends = (byte(0) & 8) != 0;
    const auto ending = static_cast<Ending>(byte(0) >> 4 & 3);
    const bool is_hidden = (byte(0) & 64) != 0;
    const std::string_view path = kPaths[byte(1) % std::size(kPaths)];
    const std::string_view bytes = input.substr(kHead, size_t{byte(2)} << 8 | byte(3));
    input.remove_prefix(kHead + bytes.size());
    fixture->clock.Advance(absl::Seconds(1));
    fixture->booked->passed += absl::Seconds(1);
    if (open.call == nullptr) {
      HeaderBlock request;
      request.fields = {{":path", std::string(path)}};
      CallStart start;
      start.end = v1::END_CLIENT;
      start.method = std::string(path);
      if (path == kJoin) start.round.run = "flower:9";  // from a header
      open.call = fixture->meter->StartCall(start);
      open.rule = flower.OnCall(request, open.call);
      Require(open.rule != nullptr, "a rule for each of these paths");
    }
    bool& under_way = open.under_way[from == End::kClient ? 0 : 1];
    const auto begin = [&] {
      if (open.rule != nullptr && !std::exchange(under_way, true)) open.rule->OnMessageBegin(from);
    };
    for (std::string_view left = bytes; !left.empty() && open.rule != nullptr;
         left.remove_prefix(std::min(piece_size, left.size()))) {
      const std::string_view piece = left.substr(0, piece_size);
      const std::vector<char> copy(piece.begin(), piece.end());  // of its own: a read past its end is seen
      open.rule->OnContent(from, {copy.data(), copy.size()});
      begin();
    }
    const Direction direction = from == End::kClient ? Direction::kSent : Direction::kReceived;
    if (!message_ends) {
      open.call->OnBytes(direction, {});
    } else {
      begin();
      open.call->OnMessage(direction, {});
      under_way = false;
      if (open.rule != nullptr && !is_hidden) open.rule->OnMessageEnd(from);
      if (open.rule != nullptr && is_hidden) open.rule->OnHidden();
      if (is_hidden) open.rule = nullptr;
    }
    if (ending == kGoesOn) continue;
    if (ending != kIsCut) {
      const int status = ending == kEndsOk ? 0 : 14;
      if (open.rule != nullptr) open.rule->OnEnd(status);
      open.call->End(status);
    }
    open = {};
  }
  calls = {};
  return fixture->booked->lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* const fixture = new Fixture;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto whole = Book(input, SIZE_MAX, fixture);
  Require(Book(input, 1, fixture) == whole, "the same bookings");
  Require(Book(input, 7, fixture) == whole, "the same bookings");
  return 0;
}
