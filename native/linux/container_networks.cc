#include "container_networks.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "connect_recorder.h"
#include "linux/connect_rewrite.h"
#include "linux/container_network.h"
#include "linux/container_rules.h"
#include "linux/container_rules_thread.h"
#include "linux/errno_text.h"
#include "linux/front_socket.h"
#include "linux/guest_message.h"
#include "linux/network_cookie.h"
#include "linux/network_watch.h"
#include "linux/route_watch.h"
#include "process_info.h"
#include "unique_fd.h"

namespace oximy {
namespace {

/** What is waited for, beside the watches of networks, which go by their ids. */
constexpr uint64_t kChannel = uint64_t{1} << 32;
constexpr uint64_t kStop = kChannel + 1;
constexpr uint64_t kDone = kChannel + 2;
constexpr uint64_t kHostRoutes = kChannel + 3;
constexpr uint64_t kFirstSockets = kChannel + 4;
constexpr uint64_t kForeignConnects = kChannel + 5;
/** Added to a network's id, where it is not its rules that changed. */
constexpr uint64_t kRoutes = uint64_t{1} << 33;
/** The proxy takes packets at once; one that does not shall not hold us up for long. */
constexpr timeval kSendLimit{0, 500'000};
/** Room for the sockets of some thousand connections that begin at once. */
constexpr int kSendBytes = 4 * 1024 * 1024;
/** At the end rules go at once, but where a container makes the kernel wait: there they go when it no longer does. */
constexpr std::chrono::milliseconds kRemovalLimit{300};

class LinuxContainerNetworks final : public ContainerNetworks {
 public:
  explicit LinuxContainerNetworks(const ContainerNetworkOptions& options)
      : options_(options), own_cookie_(NetworkCookie()), machine_(own_cookie_) {
    int ends[2];
    if (own_cookie_ == 0) throw std::system_error(errno, std::generic_category(), "SO_NETNS_COOKIE (Linux 5.14)");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
      throw std::system_error(errno, std::generic_category(), "socketpair");
    }
    channel_ = UniqueFd(ends[0]);
    proxy_end_ = UniqueFd(ends[1]);
    setsockopt(channel_.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendLimit, sizeof kSendLimit);
    setsockopt(channel_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kSendBytes, sizeof kSendBytes);
    stop_ = UniqueFd(eventfd(0, EFD_CLOEXEC));
    done_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    waiting_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
    own_space_ = UniqueFd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    completions_ = std::make_shared<Completions>(done_.get());
    if (!stop_ || !done_ || !waiting_ || !own_space_)
      throw std::system_error(errno, std::generic_category(), "eventfd");
    Await(channel_.get(), kChannel);
    Await(stop_.get(), kStop);
    Await(done_.get(), kDone);
    if (machine_.routes() >= 0) Await(machine_.routes(), kHostRoutes);
    if (machine_.sockets() >= 0) Await(machine_.sockets(), kFirstSockets);
    Await(ForeignConnectsEvent(), kForeignConnects);
    thread_ = std::thread([this] { Serve(); });
  }
  ~LinuxContainerNetworks() override {
    eventfd_write(stop_.get(), 1);
    thread_.join();
    const auto deadline = std::chrono::steady_clock::now() + kRemovalLimit;
    for (const auto& [id, network] : networks_) network->rules->Remove();
    for (const auto& [id, network] : networks_) network->rules->AwaitRemoval(deadline);
  }

  const std::string& WatchFailure() const override { return machine_.failure(); }
  void AwaitReports(std::function<void(NetworkReports)> done) override { reports_.Await(std::move(done)); }

  int ProxyEnd() const override { return proxy_end_.get(); }
  void CloseProxyEnd() override { proxy_end_ = UniqueFd(); }

  OpenedNetwork Open(const ProcessRef& process) override;
  uint64_t Cookie(uint32_t id) override {
    const auto network = Find(id);
    return network ? network->cookie : 0;
  }
  void InstallRules(uint32_t id, RulesFor whom, std::function<void(std::string)> done) override;
  std::string Rewrite(uint32_t id, RulesFor whom, Families families) override;
  void RemoveRules(uint32_t id) override {
    const auto network = Find(id);
    if (!network) return;
    if (rewrite_) rewrite_->Leave(network->cookie);
    network->rules->Remove();
  }
  NetworkChange TakeChange(uint32_t id) override {
    const auto network = Find(id);
    if (!network) return NetworkChange::kNone;
    const bool are_ways_changed = network->are_ways_changed.exchange(false);
    if (network->rules->TakeChange()) return NetworkChange::kRules;
    return are_ways_changed ? NetworkChange::kWays : NetworkChange::kNone;
  }
  void Close(uint32_t id) override {
    const std::lock_guard<std::mutex> guard(lock_);
    const auto found = networks_.find(id);
    if (found == networks_.end()) return;
    const std::shared_ptr<ContainerNetwork> network = std::move(found->second);
    networks_.erase(found);
    if (rewrite_) rewrite_->Leave(network->cookie);
    epoll_ctl(waiting_.get(), EPOLL_CTL_DEL, network->watch.get(), nullptr);
    epoll_ctl(waiting_.get(), EPOLL_CTL_DEL, network->routes.get(), nullptr);
    // The proxy listens there as long as rules may lead to it.
    network->rules->WhenRemoved([this, id] {
      GuestMessage message{};
      message.kind = GuestKind::kRemove;
      message.network = id;
      SendGuestMessage(channel_.get(), message, {}, 0);
    });
  }

  std::optional<SocketOwner> FindOwner(uint32_t id, const SocketTuple& tuple) override {
    const std::lock_guard<std::mutex> guard(lock_);
    const auto found = networks_.find(id);
    if (found == networks_.end()) return std::nullopt;
    const auto owner = found->second->FindOwner(tuple, ++sequence_);
    if (owner || !rewrite_) return owner;
    const auto client = FindRewritten(*found->second, tuple.local);
    return client && client->destination == tuple.remote ? std::optional(client->owner) : std::nullopt;
  }
  int OpenSocket(uint32_t id, Endpoint::Family family, RulesFor whom) override {
    const auto network = Find(id);
    int fd = -1;
    if (!network) return fd;
    RunIn(network->space.get(), [&] { fd = NewSocket(family, SOCK_STREAM); });
    const uint32_t mark = kTrialMark;
    if (whom == RulesFor::kTrial && fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) {
      close(fd);
      return -1;
    }
    return fd;
  }
  bool HasRoute(uint32_t id, const Endpoint& to) override {
    const auto network = Find(id);
    bool has = false;
    if (!network) return has;
    RunIn(network->space.get(), [&] {
      // Nothing is sent by this.
      const UniqueFd datagram(NewSocket(to.family, SOCK_DGRAM));
      const SocketAddress address(to);
      has = datagram && connect(datagram.get(), address.get(), address.length) == 0;
    });
    return has;
  }

 private:
  static int NewSocket(Endpoint::Family family, int type) {
    return socket(family == Endpoint::Family::kIPv4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  }
  std::shared_ptr<ContainerNetwork> Find(uint32_t id) {
    const std::lock_guard<std::mutex> guard(lock_);
    const auto found = networks_.find(id);
    return found == networks_.end() ? nullptr : found->second;
  }
  void Await(int descriptor, uint64_t what) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = what;
    epoll_ctl(waiting_.get(), EPOLL_CTL_ADD, descriptor, &event);
  }
  /** Who connected to our listener, and where to. */
  struct Client {
    SocketOwner owner;
    Endpoint destination;
  };
  std::optional<Client> FindRewritten(const ContainerNetwork& network, const Endpoint& peer);
  std::optional<Client> FindClient(const GuestMessage& want);

  void Serve();
  void Attend(uint64_t what);
  void Doubt(uint32_t id);
  void NoteWays(uint32_t id);
  bool Announce(uint32_t id);
  void Answer(const GuestMessage& want);

  const ContainerNetworkOptions options_;
  const uint64_t own_cookie_;
  UniqueFd channel_;
  UniqueFd proxy_end_;
  UniqueFd stop_;
  UniqueFd done_;
  UniqueFd waiting_;
  UniqueFd own_space_;
  std::shared_ptr<Completions> completions_;
  NetworkWatch machine_;
  ReportBox reports_;
  std::mutex lock_;
  std::map<uint32_t, std::shared_ptr<ContainerNetwork>> networks_;
  uint32_t next_id_ = 1;
  uint32_t sequence_ = 0;
  /** Once a network needs it; from then on it stays. Made and looked at under the lock, but for whoever made it. */
  std::unique_ptr<ConnectRewrite> rewrite_;
  std::thread thread_;
};

OpenedNetwork LinuxContainerNetworks::Open(const ProcessRef& process) {
  const std::string path = "/proc/" + std::to_string(process.pid) + "/ns/net";
  auto network = std::make_shared<ContainerNetwork>();
  network->space = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!network->space) return {0, ErrnoText("its network")};
  const auto now = ReadProcessInfo(process.pid);
  if (!now || now->start_time != process.start_time) return {0, "the process has ended"};

  std::string failure = "its network cannot be entered";
  RunIn(network->space.get(), [&] {
    network->cookie = NetworkCookie();
    // Whatever led here: our own network has rules of its own.
    if (network->cookie == 0 || network->cookie == own_cookie_) {
      failure = "its network is ours";
      return;
    }
    {
      const std::lock_guard<std::mutex> guard(lock_);
      for (const auto& [id, known] : networks_) {
        if (known->cookie == network->cookie) network->id = id;
      }
    }
    failure.clear();
    if (network->id != 0) return;
    failure = network->OpenSockets();
  });
  if (!failure.empty()) return {0, failure};
  if (network->id != 0) return {network->id, ""};
  try {
    const ContainerRulesThread::Sockets sockets{network->space.get(), network->keep.get(), network->watch.get(),
                                                done_.get()};
    network->rules = std::make_unique<ContainerRulesThread>(sockets, network->addresses, completions_);
  } catch (const std::system_error& error) {
    return {0, error.what()};
  }

  const std::lock_guard<std::mutex> guard(lock_);
  network->id = next_id_++;
  networks_.emplace(network->id, network);
  Await(network->watch.get(), network->id);
  Await(network->routes.get(), kRoutes + network->id);
  return {network->id, ""};
}

void LinuxContainerNetworks::InstallRules(uint32_t id, RulesFor whom, std::function<void(std::string)> done) {
  const auto network = Find(id);
  if (!network) return done("it is not held");
  const ContainerRules rules{options_.ports, network->port, options_.allow_quic, whom == RulesFor::kTrial};
  network->rules->Install(rules, [this, id, done = std::move(done)](int error) {
    if (error != 0) return done(ErrnoText("nf_tables", error));
    std::string failure;
    {
      const std::lock_guard<std::mutex> guard(lock_);
      if (!Announce(id)) failure = ErrnoText("the proxy");
    }
    done(failure);
  });
}

std::string LinuxContainerNetworks::Rewrite(uint32_t id, RulesFor whom, Families families) {
  const std::lock_guard<std::mutex> guard(lock_);
  const auto found = networks_.find(id);
  if (found == networks_.end()) return "it is not held";
  const ContainerNetwork& network = *found->second;
  std::string failure;
  if (!rewrite_) rewrite_ = ConnectRewrite::Attach(options_.ports, failure);
  if (!rewrite_) return failure;
  // Others have changed their rules since the trial, so its result is void.
  if (whom == RulesFor::kAll && network.rules->IsChanged()) return "";
  // Nobody is led to a listener that nobody accepts at.
  if (!Announce(id)) return ErrnoText("the proxy");
  RewriteTarget target;
  target.mark = whom == RulesFor::kTrial ? kTrialMark : 0;
  if (families.ipv4) target.port4 = network.port;
  if (families.ipv6 && network.listens_on_six) target.port6 = network.port;
  if (!rewrite_->Send(network.cookie, target)) return ErrnoText("bpf(MAP_UPDATE)");
  // Without nf_tables there, what a client sends by QUIC is not seen.
  if (whom == RulesFor::kAll && !options_.allow_quic) network.rules->Install(ContainerRules{}, [](int) {});
  return "";
}

/** Gives the proxy what it needs of a network, once. With the lock held. */
bool LinuxContainerNetworks::Announce(uint32_t id) {
  const auto found = networks_.find(id);
  if (found == networks_.end() || !found->second->keep) return true;
  ContainerNetwork& network = *found->second;
  GuestMessage message{};
  message.kind = GuestKind::kAdd;
  message.network = id;
  std::vector<int> descriptors{network.keep.get(), network.four.get()};
  if (network.six) descriptors.push_back(network.six.get());
  if (!SendGuestMessage(channel_.get(), message, descriptors, 0)) return false;
  network.keep = UniqueFd();
  network.four = UniqueFd();
  network.six = UniqueFd();
  return true;
}

/** A firewall that came up may not let pass what our rules turn: until that is tried, connections go directly. */
void LinuxContainerNetworks::Doubt(uint32_t id) {
  const std::lock_guard<std::mutex> guard(lock_);
  const auto found = networks_.find(id);
  if (found == networks_.end()) return;
  const ContainerNetwork& network = *found->second;
  if (!network.IsChangedByOthers()) return;
  network.rules->NoteChange();
  if (rewrite_) rewrite_->Leave(network.cookie);
  NetworkReports reports;
  reports.changes = true;
  reports_.Add(reports);
}

void LinuxContainerNetworks::NoteWays(uint32_t id) {
  const auto network = Find(id);
  if (!network) return;
  const RouteReports received = TakeRouteReports(network->routes.get());
  if (received.ways) network->are_ways_changed = true;
  NetworkReports reports;
  reports.networks = received.networks;  // a container in a container has its link there
  reports.changes = received.ways;
  reports_.Add(reports);
}

/** The thread that makes sockets: it changes its network and user as it goes. */
void LinuxContainerNetworks::Serve() {
  for (;;) {
    epoll_event event{};
    const int ready = epoll_wait(waiting_.get(), &event, 1, -1);
    if (ready < 0 && errno != EINTR) return;
    if (ready <= 0) continue;
    if (event.data.u64 == kStop) return;
    Attend(event.data.u64);
  }
}

void LinuxContainerNetworks::Attend(uint64_t what) {
  switch (what) {
    case kDone:
      for (const auto& completion : completions_->Take()) completion();
      return;
    case kHostRoutes:
      reports_.Add(machine_.TakeRoutes());
      return;
    case kFirstSockets:
      reports_.Add(machine_.TakeSockets());
      return;
    case kForeignConnects: {
      eventfd_t count;
      eventfd_read(ForeignConnectsEvent(), &count);
      NetworkReports reports;
      reports.connects = true;
      reports_.Add(reports);
      return;
    }
    case kChannel: {
      ReceivedGuestMessage received;
      const GuestReceipt receipt = ReceiveGuestMessage(channel_.get(), received);
      if (receipt == GuestReceipt::kEnded) epoll_ctl(waiting_.get(), EPOLL_CTL_DEL, channel_.get(), nullptr);
      if (receipt == GuestReceipt::kMessage && received.message.kind == GuestKind::kWant) Answer(received.message);
      return;
    }
    default:
      if (what >= kRoutes) return NoteWays(static_cast<uint32_t>(what - kRoutes));
      Doubt(static_cast<uint32_t>(what));
  }
}

std::optional<LinuxContainerNetworks::Client> LinuxContainerNetworks::FindRewritten(const ContainerNetwork& network,
                                                                                    const Endpoint& peer) {
  Endpoint listener;
  listener.family = peer.family;
  listener.port = network.port;
  const bool is_ipv4 = peer.family == Endpoint::Family::kIPv4;
  if (is_ipv4) listener.address[0] = 127;
  listener.address[is_ipv4 ? 3 : 15] = 1;
  const auto owner = network.FindOwner({peer, listener}, ++sequence_);
  if (!owner || !rewrite_) return std::nullopt;
  const auto destination = rewrite_->DestinationOf(owner->cookie);
  if (!destination) return std::nullopt;
  return Client{*owner, *destination};
}

std::optional<LinuxContainerNetworks::Client> LinuxContainerNetworks::FindClient(const GuestMessage& want) {
  const Endpoint peer = FromIPv6(want.peer.data(), want.peer_port);
  const std::lock_guard<std::mutex> guard(lock_);
  const auto found = networks_.find(want.network);
  if (found == networks_.end()) return std::nullopt;
  if (want.destination_port == 0) return FindRewritten(*found->second, peer);
  const Endpoint destination = FromIPv6(want.destination.data(), want.destination_port);
  const auto owner = found->second->FindOwner({peer, destination}, ++sequence_);
  if (!owner) return std::nullopt;
  return Client{*owner, destination};
}

/** The proxy is not trusted: at most it gets a socket in a network that is held. */
void LinuxContainerNetworks::Answer(const GuestMessage& want) {
  GuestMessage answer{};
  answer.kind = GuestKind::kUpstream;
  answer.network = want.network;
  answer.connection = want.connection;
  answer.error = ECONNABORTED;
  UniqueFd upstream;
  const auto network = Find(want.network);
  const auto client = FindClient(want);
  if (network && client && client->owner.uid && setns(network->space.get(), CLONE_NEWNET) == 0) {
    answer.destination = AsIPv6(client->destination);
    answer.destination_port = client->destination.port;
    // Rules by user shall see the client: another proxy there leaves its own users alone, a firewall knows them.
    setfsuid(*client->owner.uid);
    upstream = UniqueFd(NewSocket(client->destination.family, SOCK_STREAM));
    answer.error = upstream ? 0 : errno;
    setfsuid(0);
    setns(own_space_.get(), CLONE_NEWNET);  // who stays in a network keeps it
    const uint32_t mark = kGuestMark;
    if (upstream && setsockopt(upstream.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) {
      answer.error = errno;
      upstream = UniqueFd();
    }
  }
  SendGuestMessage(channel_.get(), answer, upstream ? std::vector<int>{upstream.get()} : std::vector<int>{}, 0);
}

}  // namespace

bool ContainerNetworks::Supported() { return true; }

std::unique_ptr<ContainerNetworks> ContainerNetworks::Start(const ContainerNetworkOptions& options) {
  return std::make_unique<LinuxContainerNetworks>(options);
}

}  // namespace oximy
