// A worker with a name service of its own: an upstream of several addresses.
#include "node/proxy/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <csignal>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "node/frameworks/flower/flower.h"
#include "tests/unit/node/proxy/certificates.h"
#include "tests/unit/node/proxy/running_proxy.h"
#include "tests/unit/node/proxy/tls_end.h"

namespace fedcarbon::node {
namespace {

using testing::At;
using testing::Authority;
using testing::Ending;
using testing::Eventually;
using testing::KeyPair;
using testing::ListenerTo;
using testing::Server;
using ::testing::SizeIs;
using testing::Socket;
using testing::TlsEnd;
using testing::TlsSettings;

class WorkerTest : public ::testing::Test {
 protected:
  /// Connections to "fl.example.org", which has these addresses.
  void Start(std::vector<Endpoint> addresses) {
    std::vector<SocketAddress> found;
    for (const Endpoint& address : addresses) found.push_back(NumericAddresses(address).at(0));
    resolver_ = std::make_unique<Resolver>([found](const Address&) { return found; });
    StartWorker();
  }

  void StartWorker(ListenerOptions listener = ListenerTo(At("fl.example.org:1"))) {
    std::signal(SIGPIPE, SIG_IGN);  // proxy.h asks for it
    route_ = *Route::Create(std::move(listener));
    ProxyOptions options;
    options.connect_timeout = absl::Seconds(1);
    worker_ = *Worker::Create(options, {meter_.meter, &metrics_, resolver_.get(), &flower_, &rounds_, [] {}},
                              [] {});
  }

  Socket Connect() {
    Socket client = Socket::Connect(door_.endpoint());
    metrics_.connections_open.fetch_add(1);
    FileDescriptor taken(accept4(door_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    worker_->Adopt(std::move(taken), route_);
    return client;
  }

  void ExpectCarries(Socket* client, Socket server) {
    EXPECT_TRUE(client->Send("hello"));
    EXPECT_EQ(server.Receive(5), "hello");
  }

  ManualMeter meter_;
  Flower flower_{meter_.meter};
  OpenRounds rounds_;
  ProxyMetrics metrics_;
  Server door_;  // where an acceptor would stand
  std::shared_ptr<Route> route_;
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<Worker> worker_;
};

// The connection was made, so it is no Gap; that it was reset is noticed together with that it was made.
TEST_F(WorkerTest, KnowsAnUpstreamThatAcceptsAndResetsAsReached) {
  Server upstream;
  StartWorker(ListenerTo(upstream.endpoint()));
  std::promise<Socket> connected;
  const std::shared_ptr<EventLoop> loop = worker_->loop();
  loop->Post([&, loop] {
    connected.set_value(Connect());  // both tasks run before the worker looks at its sockets again
    loop->Post([&] { upstream.Accept().CloseWithReset(); });
  });
  Socket client = connected.get_future().get();
  EXPECT_EQ(client.AwaitEnding(), Ending::kReset);
  worker_.reset();
  EXPECT_THAT(meter_.sink->All<Gap>(), SizeIs(0));
  EXPECT_THAT(meter_.sink->All<Connection>(), SizeIs(1));
  EXPECT_EQ(metrics_.upstream_failures, 0u);
  EXPECT_EQ(metrics_.connections_reset, 1u);
}

// The client ends in order, and resets as it leaves bytes unread. That its connection is reset the worker
// learns by what it writes last, and then its socket looks as if a FIN had come.
TEST_F(WorkerTest, DoesNotTakeAResetForAFin) {
  Server upstream;
  const Authority authority;
  const KeyPair files = authority.Issue("DNS:proxy.example.org");
  ListenerOptions options = ListenerTo(upstream.endpoint());
  options.tls = {files.certificate, files.key, ""};
  StartWorker(options);
  TlsSettings settings;
  settings.ca = authority.ca();
  TlsEnd client = TlsEnd::Connect(Connect(), settings);
  ASSERT_TRUE(client.is_open());
  Socket server = upstream.Accept();
  EXPECT_TRUE(client.Send("question"));
  EXPECT_EQ(server.Receive(8), "question");

  std::promise<void> waits, goes_on;
  worker_->loop()->Post([&] {
    waits.set_value();
    goes_on.get_future().wait();
  });
  waits.get_future().wait();
  server.FinishSending();  // the worker sees this first
  client.FinishSending();
  char next;
  EXPECT_EQ(recv(client.socket().get(), &next, 1, MSG_PEEK), 1);  // the handshake's last words
  client.socket().Close();
  goes_on.set_value();
  EXPECT_TRUE(Eventually([&] { return metrics_.connections_open == 0; }));
  EXPECT_EQ(metrics_.kernel_differed, 0u);
}

Endpoint Refusing() {
  Server server;
  return server.endpoint();
}

TEST_F(WorkerTest, TriesTheNextAddressAfterARefusal) {
  Server upstream;
  Start({Refusing(), Refusing(), upstream.endpoint(), Refusing()});
  Socket client = Connect();
  ExpectCarries(&client, upstream.Accept());
  EXPECT_EQ(metrics_.upstream_failures, 0u);
}

TEST_F(WorkerTest, ResetsTheClientOnceAllAddressesHaveRefused) {
  Start({Refusing(), Refusing()});
  Socket client = Connect();
  EXPECT_EQ(client.AwaitEnding(), Ending::kReset);
  EXPECT_EQ(metrics_.upstream_failures, 1u);
}

/// A place where nobody answers: its backlog is full.
class Silent {
 public:
  Silent() {
    EXPECT_EQ(listen(server_.get(), 0), 0);
    occupant_ = Socket::Connect(server_.endpoint());
  }
  const Endpoint& endpoint() const { return server_.endpoint(); }

 private:
  Server server_;
  Socket occupant_;
};

TEST_F(WorkerTest, TriesTheNextAddressAfterASilentOne) {
  Silent silent;
  Server upstream;
  Start({silent.endpoint(), upstream.endpoint()});
  Socket client = Connect();
  ExpectCarries(&client, upstream.Accept());
  EXPECT_EQ(metrics_.upstream_failures, 0u);
}

TEST_F(WorkerTest, ResetsTheClientOnceAllAddressesWereSilent) {
  Silent one, other;
  Start({one.endpoint(), other.endpoint()});
  Socket client = Connect();
  EXPECT_EQ(client.AwaitEnding(), Ending::kReset);
  EXPECT_EQ(metrics_.upstream_failures, 1u);
}

TEST_F(WorkerTest, MayBeGoneWhenAnAnswerComes) {
  Mutex mutex;
  CondVar changed;
  bool is_asked = false, may_answer = false;
  resolver_ = std::make_unique<Resolver>([&](const Address&) {
    MutexLock lock(&mutex);
    is_asked = true;
    changed.NotifyAll();
    while (!may_answer) changed.Wait(&mutex);
    return std::vector<SocketAddress>();
  });
  StartWorker();
  Socket client = Connect();
  {
    MutexLock lock(&mutex);
    while (!is_asked) changed.Wait(&mutex);
  }
  worker_.reset();
  EXPECT_EQ(client.AwaitEnding(), Ending::kReset);
  {
    MutexLock lock(&mutex);
    may_answer = true;
    changed.NotifyAll();
  }
  bool is_answered = false;
  resolver_->Resolve({"fl.example.org", 1}, [&](const std::vector<SocketAddress>&) {
    MutexLock lock(&mutex);
    is_answered = true;
    changed.NotifyAll();
  });
  {
    MutexLock lock(&mutex);
    while (!is_answered) changed.Wait(&mutex);
  }
  resolver_.reset();  // tells the first one, too
}

}  // namespace
}  // namespace fedcarbon::node
