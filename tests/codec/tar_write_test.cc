// What the tar writer puts out: exact blocks where ustar is enough, PAX records where it is not.
// That the reader takes all of it is fuzz/codec/tar_write.cc.
#include "codec/tar_write.h"

#include <boost/test/unit_test.hpp>

using codec::tar::Entry;
using codec::tar::Type;

namespace {

std::string text_at(const std::string& head, std::size_t at, std::size_t size) {
    std::string field = head.substr(at, size);
    return field.substr(0, field.find('\0'));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tar_write)

BOOST_AUTO_TEST_CASE(a_plain_file_is_one_ustar_block) {
    Entry entry;
    entry.path = "etc/hostname";
    entry.size = 12;
    entry.mode = 0644;
    entry.uid = 1000;
    entry.gid = 100;
    entry.modified.seconds = 1700000000;
    std::string head = codec::tar::header(entry).value();
    BOOST_TEST(head.size() == 512u);
    BOOST_TEST(text_at(head, 0, 100) == "etc/hostname");
    BOOST_TEST(text_at(head, 100, 8) == "0000644");
    BOOST_TEST(text_at(head, 108, 8) == "0001750");
    BOOST_TEST(text_at(head, 116, 8) == "0000144");
    BOOST_TEST(text_at(head, 124, 12) == "00000000014");
    BOOST_TEST(text_at(head, 136, 12) == "14524770400");
    BOOST_TEST(head[156] == '0');
    BOOST_TEST(head.substr(257, 8) == std::string("ustar\0"
                                                  "00",
                                                  8));
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i)
        sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(head[i]);
    BOOST_TEST(std::stoul(head.substr(148, 6), nullptr, 8) == sum);
}

BOOST_AUTO_TEST_CASE(long_names_are_split_at_a_slash_or_go_into_a_record) {
    Entry entry;
    entry.path = std::string(90, 'd') + "/" + std::string(90, 'f');
    std::string split = codec::tar::header(entry).value();
    BOOST_TEST(split.size() == 512u);
    BOOST_TEST(text_at(split, 345, 155) == std::string(90, 'd'));
    BOOST_TEST(text_at(split, 0, 100) == std::string(90, 'f'));
    entry.path = std::string(101, 'f');
    std::string pax = codec::tar::header(entry).value();
    BOOST_TEST(pax.size() == 3u * 512);
    BOOST_TEST(pax[156] == 'x');
    BOOST_TEST(pax.substr(512, 111) == "111 path=" + std::string(101, 'f') + "\n");
}

BOOST_AUTO_TEST_CASE(records_count_their_own_length) {
    Entry entry;
    entry.path = "x";
    entry.modified = {-2, 750'000'000};
    BOOST_TEST(codec::tar::header(entry).value().substr(512, 15) == "15 mtime=-1.25\n");
    entry.modified = {5, 0};
    entry.xattrs = {{"user.k", std::string(76, 'v')}};  // the length's own digits make it longer
    std::string body = codec::tar::header(entry).value().substr(512);
    BOOST_TEST(body.substr(0, 101).starts_with("101 SCHILY.xattr.user.k=v"));
    BOOST_TEST(body[100] == '\n');
}

BOOST_AUTO_TEST_CASE(numbers_beyond_octal_go_into_records) {
    Entry entry;
    entry.path = "big";
    entry.size = 1ULL << 33;
    entry.uid = 2097152;
    std::string head = codec::tar::header(entry).value();
    BOOST_TEST(head.find("19 size=8589934592\n") != head.npos);
    BOOST_TEST(head.find("15 uid=2097152\n") != head.npos);
}

BOOST_AUTO_TEST_CASE(what_tar_cannot_say_is_refused) {
    Entry entry;
    BOOST_TEST(!codec::tar::header(entry));
    entry.path = std::string("a\0b", 3);
    BOOST_TEST(!codec::tar::header(entry));
    entry.path = "a";
    entry.xattrs = {{"user.a=b", ""}};
    BOOST_TEST(!codec::tar::header(entry));
    entry.xattrs = {{"user.a", std::string(codec::tar::extension_bytes_max, 'x')}};
    BOOST_TEST(!codec::tar::header(entry));
}

BOOST_AUTO_TEST_CASE(a_folder_gets_its_slash_and_no_size) {
    Entry entry;
    entry.type = Type::folder;
    entry.path = "some/folder";
    entry.size = 4096;
    std::string head = codec::tar::header(entry).value();
    BOOST_TEST(text_at(head, 0, 100) == "some/folder/");
    BOOST_TEST(text_at(head, 124, 12) == "00000000000");
}

BOOST_AUTO_TEST_SUITE_END()
