#include "node/proxy/acceptor.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/unit/node/proxy/running_proxy.h"

namespace fedcarbon::node {
namespace {

using testing::At;
using testing::ListenerTo;
using testing::Server;
using testing::Socket;
using testing::UnixPlace;

class AcceptorTest : public ::testing::Test {
 protected:
  std::unique_ptr<Acceptor> MakeAcceptor(const std::string& place, Acceptor::Take take) {
    absl::StatusOr<FileDescriptor> listening = Listen(At(place));
    EXPECT_TRUE(listening.ok()) << listening.status();
    listening_ = listening->get();
    return std::make_unique<Acceptor>(*std::move(listening),
                                      *Route::Create(ListenerTo(At("fl.example.org:1"), place)), 10,
                                      loop_.get(), &metrics_, std::move(take));
  }

  ProxyMetrics metrics_;
  const std::unique_ptr<EventLoop> loop_ = *EventLoop::Create();
  int listening_ = -1;
};

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

TEST_F(AcceptorTest, TakesItsUnixSocketAwayButNobodyElses) {
  const std::string place = UnixPlace("acceptor");
  const std::string path = At(place).unix_path;
  const Acceptor::Take take = [](FileDescriptor, const std::shared_ptr<Route>&) {};
  MakeAcceptor(place, take).reset();
  EXPECT_FALSE(Exists(path));

  std::unique_ptr<Acceptor> acceptor = MakeAcceptor(place, take);
  ASSERT_EQ(unlink(path.c_str()), 0);
  const Server other(place);
  acceptor.reset();
  EXPECT_TRUE(Exists(path));
  unlink(path.c_str());
}

// As the kernel does where it has no room for more watches: it refuses a descriptor that is watched already.
TEST_F(AcceptorTest, AcceptsOnceItCanBeWatched) {
  bool is_taken = false;
  const std::unique_ptr<Acceptor> acceptor =
      MakeAcceptor("127.0.0.1:0", [&](FileDescriptor, const std::shared_ptr<Route>&) {
        is_taken = true;
        loop_->Stop();
      });
  const Endpoint place = BoundEndpoint(At("127.0.0.1:0"), listening_);
  class Other : public EventHandler {
    void OnEvents(uint32_t) override {}
  } other;
  ASSERT_TRUE(loop_->Watch(listening_, &other));
  acceptor->Begin();
  acceptor->Resume();
  loop_->Forget(listening_, &other);
  acceptor->Resume();
  const Socket client = Socket::Connect(place);
  loop_->Run(testing::kPatience, [this] { loop_->Stop(); });
  EXPECT_TRUE(is_taken);
}

}  // namespace
}  // namespace fedcarbon::node
