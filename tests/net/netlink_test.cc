// Netlink: batches to the real kernel in a namespace of the test, and answers with lying lengths.
#include "own_namespace.h"
#include "sys/netlink.h"

#include <array>
#include <boost/test/unit_test.hpp>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <vector>

using namespace sys::netlink;

namespace {

void add_bridge(Batch& batch, const char* name) {
    batch.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, std::string("create ") + name,
                ifinfomsg{.ifi_family = AF_UNSPEC});
    batch.put(IFLA_IFNAME, std::string_view(name));
    std::size_t info = batch.open(IFLA_LINKINFO);
    batch.put(IFLA_INFO_KIND, std::string_view("bridge"));
    batch.close(info);
}

std::vector<std::string> link_names(Socket& socket) {
    Batch batch;
    batch.begin(RTM_GETLINK, NLM_F_DUMP, "list links", ifinfomsg{.ifi_family = AF_UNSPEC});
    std::vector<std::string> names;
    REQUIRE_OK(socket.query(batch, [&](const Message& message) {
        if (message.type == RTM_NEWLINK)
            names.push_back(message.attributes<ifinfomsg>().text(IFLA_IFNAME).value_or("?"));
    }));
    return names;
}

std::vector<std::byte> bytes_of(const void* data, std::size_t size) {
    auto first = static_cast<const std::byte*>(data);
    return {first, first + size};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(netlink, OwnNamespace)

BOOST_AUTO_TEST_CASE(links_made_in_one_batch_are_listed) {
    auto socket = Socket::open(NETLINK_ROUTE);
    REQUIRE_OK(socket);
    Batch batch;
    add_bridge(batch, "one");
    add_bridge(batch, "two");
    REQUIRE_OK(socket->run(batch));
    auto names = link_names(*socket);
    BOOST_TEST(std::ranges::count(names, "one") == 1);
    BOOST_TEST(std::ranges::count(names, "two") == 1);
    BOOST_TEST(std::ranges::count(names, "lo") == 1);
}

BOOST_AUTO_TEST_CASE(the_first_refused_step_is_named_and_the_socket_stays_usable) {
    auto socket = Socket::open(NETLINK_ROUTE);
    REQUIRE_OK(socket);
    Batch batch;
    add_bridge(batch, "one");
    add_bridge(batch, "one");
    add_bridge(batch, "three");
    auto ran = socket->run(batch);
    BOOST_REQUIRE(!ran);
    BOOST_TEST(ran.error().message() == "create one: file exists");
    BOOST_TEST(link_names(*socket).size() == 3);
    Batch missing;
    missing.begin(RTM_GETLINK, 0, "find nobody", ifinfomsg{.ifi_family = AF_UNSPEC});
    missing.put(IFLA_IFNAME, std::string_view("nobody"));
    auto found = socket->query(missing, [](const Message&) { BOOST_ERROR("found nobody"); });
    BOOST_REQUIRE(!found);
    BOOST_TEST(found.error().message() == "find nobody: no such device");
    Batch last;
    add_bridge(last, "four");
    REQUIRE_OK(socket->run(last));
}

BOOST_AUTO_TEST_CASE(a_socket_stays_in_the_namespace_it_was_opened_in) {
    auto socket = Socket::open(NETLINK_ROUTE);
    REQUIRE_OK(socket);
    BOOST_REQUIRE(::unshare(CLONE_NEWNET) == 0);
    Batch batch;
    add_bridge(batch, "behind");
    REQUIRE_OK(socket->run(batch));
    auto here = Socket::open(NETLINK_ROUTE);
    REQUIRE_OK(here);
    BOOST_TEST(std::ranges::count(link_names(*here), "behind") == 0);
    BOOST_TEST(std::ranges::count(link_names(*socket), "behind") == 1);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(netlink_reading)

BOOST_AUTO_TEST_CASE(attributes_are_read_only_inside_their_bytes) {
    struct {
        nlattr head{.nla_len = 8, .nla_type = 1};
        std::uint32_t value = 7;
        nlattr text_head{.nla_len = 7, .nla_type = 2 | NLA_F_NESTED};
        char text[4] = {'a', 'b', 'c', 'x'};
    } wire;
    auto all = bytes_of(&wire, sizeof wire);
    Attributes attributes{std::span(all)};
    BOOST_TEST(attributes.u32(1).value() == 7U);
    BOOST_TEST(attributes.text(2).value() == "abc");
    BOOST_TEST(!attributes.u32(2));
    BOOST_TEST(!attributes.find(3));
    // Cut at every byte: what is no longer whole is not there.
    for (std::size_t size = 0; size < sizeof wire; ++size) {
        std::vector<std::byte> cut(all.begin(), all.begin() + static_cast<long>(size));
        Attributes less{std::span(cut)};
        BOOST_TEST(less.u32(1).has_value() == (size >= 8));
        BOOST_TEST(less.text(2).has_value() == (size >= 15));
    }
    // A length below its own header's, or past the end, ends the walk.
    for (std::uint16_t length : {0, 1, 3, 17, 65535}) {
        wire.head.nla_len = length;
        auto lying = bytes_of(&wire, sizeof wire);
        BOOST_TEST(!Attributes{std::span(lying)}.find(1));
        BOOST_TEST(!Attributes{std::span(lying)}.find(2));
    }
}

BOOST_AUTO_TEST_CASE(messages_with_lying_lengths_are_refused) {
    nlmsghdr header{.nlmsg_len = sizeof header, .nlmsg_type = 5};
    auto count = [](std::span<const std::byte> bytes, bool sane) {
        int seen = 0;
        BOOST_TEST(each_message(bytes, [&](const Message&) { ++seen; }) == sane);
        return seen;
    };
    auto bytes = bytes_of(&header, sizeof header);
    BOOST_TEST(count(bytes, true) == 1);
    BOOST_TEST(count({}, true) == 0);
    for (std::size_t size = 1; size < sizeof header; ++size)
        BOOST_TEST(count(std::span(bytes).first(size), false) == 0);
    for (std::uint32_t length : {0U, 15U, 17U, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
        header.nlmsg_len = length;
        auto lying = bytes_of(&header, sizeof header);
        BOOST_TEST(count(lying, false) == 0);
    }
}

BOOST_AUTO_TEST_CASE(a_verdict_outside_the_kernels_range_is_an_error) {
    auto verdict = [](std::int32_t code) {
        auto bytes = bytes_of(&code, sizeof code);
        Message message{.type = NLMSG_ERROR, .payload = bytes};
        return parse_verdict(message)->error;
    };
    BOOST_TEST(verdict(0) == 0);
    BOOST_TEST(verdict(-17) == 17);
    BOOST_TEST(verdict(17) == EBADMSG);
    BOOST_TEST(verdict(-4096) == EBADMSG);
    BOOST_TEST(verdict(std::numeric_limits<std::int32_t>::min()) == EBADMSG);
    BOOST_TEST(parse_verdict(Message{.type = NLMSG_ERROR})->error == EBADMSG);
    BOOST_TEST(parse_verdict(Message{.type = NLMSG_DONE})->error == 0);
    BOOST_TEST(!parse_verdict(Message{.type = RTM_NEWLINK}));
}

BOOST_AUTO_TEST_SUITE_END()
