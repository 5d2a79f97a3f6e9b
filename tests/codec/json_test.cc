// JSON both ways: tables, every member type, and everything a hostile body may hold.
#include "codec/json.h"
#include "codec/json_value.h"

#include <boost/test/unit_test.hpp>
#include <string>

namespace shapes {

struct Inner {
    int level = 0;
    std::map<std::string, std::string> labels;
};
struct Base {
    std::int64_t memory = 0;
    std::optional<bool> init;
};
struct Outer : Base {
    bool tty = false;
    std::string image;
    std::vector<std::string> cmd;
    std::optional<Inner> inner;
    std::map<std::string, json::Empty> ports;
    json::Raw extra;
    base::Time created;
    double cpus = 0;
    std::uint16_t port = 0;
    std::vector<std::string> dns;
};

constexpr json::Field inner_fields[] = {json::field<&Inner::level>("Level"),
                                        json::field<&Inner::labels>("Labels")};
constinit const json::Table inner_table{inner_fields};
const json::Table& json_table(const Inner*) {
    return inner_table;
}

constexpr json::Field base_fields[] = {json::field<&Base::memory>("Memory"),
                                       json::field<&Base::init>("Init", json::omit_empty)};
constinit const json::Table base_table{base_fields};
const json::Table& json_table(const Base*) {
    return base_table;
}

constexpr json::Field outer_fields[] = {
    json::field<&Outer::tty>("Tty"),
    json::field<&Outer::image>("Image", json::no_nul),
    json::field<&Outer::cmd>("Cmd", json::null_empty | json::no_nul),
    json::embed<Outer, Base>(),
    json::field<&Outer::inner>("Inner", json::omit_empty),
    json::field<&Outer::ports>("Ports"),
    json::field<&Outer::extra>("Extra", json::omit_empty),
    json::field<&Outer::created>("Created"),
    json::field<&Outer::cpus>("Cpus"),
    json::field<&Outer::port>("Port"),
    json::field<&Outer::dns>("Dns"),
};
constinit const json::Table outer_table{outer_fields};
const json::Table& json_table(const Outer*) {
    return outer_table;
}

}  // namespace shapes

using shapes::Outer;

namespace {

std::string why(std::string_view text) {
    auto got = json::read<Outer>(text);
    return got ? "accepted" : got.error().message();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_document_goes_in_and_comes_out_in_table_order) {
    auto got = json::read<Outer>(R"({"dns":["1.1.1.1"],"Memory":-5,"TTY":true,"image":"a\u00e9<b>&",
        "Cmd":["sh","-c"],"init":false,"Inner":{"Level":3,"Labels":{"b":"2","a":"1"},"Unknown":[{}]},
        "Ports":{"80/tcp":{}},"Extra":{"x":[1, 2.50, "\n"]},"Created":"2026-01-02T03:04:05.12Z",
        "Cpus":1.5,"Port":65535,"Nothing":null})");
    BOOST_REQUIRE(got);
    BOOST_TEST(got->memory == -5);
    BOOST_TEST(got->tty);
    BOOST_TEST((got->init == std::optional(false)));
    BOOST_TEST(json::write(*got) ==
               "{\"Tty\":true,\"Image\":\"aé<b>&\",\"Cmd\":[\"sh\",\"-c\"],\"Memory\":-5,"
               "\"Init\":false,\"Inner\":{\"Level\":3,\"Labels\":{\"a\":\"1\",\"b\":\"2\"}},"
               "\"Ports\":{\"80/tcp\":{}},\"Extra\":{\"x\":[1,2.50,\"\\n\"]},"
               "\"Created\":\"2026-01-02T03:04:05.12Z\",\"Cpus\":1.5,\"Port\":65535,"
               "\"Dns\":[\"1.1.1.1\"]}");
}

BOOST_AUTO_TEST_CASE(null_and_absence_mean_the_default) {
    auto got = json::read<Outer>(R"({"Cmd":null,"Image":null,"Init":null,"Inner":null,"Extra":null,
        "Memory":null,"Created":null,"Ports":null,"Cpus":null,"Tty":null})");
    BOOST_REQUIRE(got);
    BOOST_TEST(json::write(*got) ==
               R"({"Tty":false,"Image":"","Cmd":null,"Memory":0,"Ports":{},)"
               R"("Created":"0001-01-01T00:00:00Z","Cpus":0,"Port":0,"Dns":[]})");
    BOOST_TEST(json::write(*json::read<Outer>("null")) == json::write(Outer()));
}

BOOST_AUTO_TEST_CASE(a_wrong_type_names_its_field) {
    BOOST_TEST(why(R"({"Tty":"yes"})") ==
               "invalid JSON: cannot unmarshal string into field Tty of type bool");
    BOOST_TEST(why(R"({"Inner":{"Level":"3"}})") ==
               "invalid JSON: cannot unmarshal string into field Inner.Level of type int32");
    BOOST_TEST(why(R"({"Inner":{"Labels":{"a":1}}})") ==
               "invalid JSON: cannot unmarshal number 1 into field Inner.Labels.a of type string");
    BOOST_TEST(why(R"({"Cmd":"sh"})") ==
               "invalid JSON: cannot unmarshal string into field Cmd of type array");
    BOOST_TEST(why(R"([])") == "invalid JSON: cannot unmarshal array into a value of type object");
    BOOST_TEST(why(R"({"Created":"yesterday"})") ==
               "invalid JSON: Created: invalid time \"yesterday\"");
}

BOOST_AUTO_TEST_CASE(numbers_must_fit_their_type) {
    BOOST_TEST(why(R"({"Port":65536})") ==
               "invalid JSON: cannot unmarshal number 65536 into field Port of type uint16");
    BOOST_TEST(why(R"({"Port":-1})").ends_with("of type uint16"));
    BOOST_TEST(why(R"({"Memory":9223372036854775807})") == "accepted");
    BOOST_TEST(why(R"({"Memory":9223372036854775808})").ends_with("of type int64"));
    BOOST_TEST(why(R"({"Memory":-9223372036854775808})") == "accepted");
    BOOST_TEST(why(R"({"Memory":1e3})").ends_with("of type int64"));
    BOOST_TEST(why(R"({"Memory":1.0})").ends_with("of type int64"));
    BOOST_TEST(why(R"({"Memory":-0})") == "accepted");
    BOOST_TEST(why(R"({"Cpus":1e999})").ends_with("of type float64"));
    for (const char* bad :
         {"01", "+1", "1.", ".5", "1e", "--1", "0x10", "NaN", "Infinity", "-", "1_0"}) {
        BOOST_TEST(why(std::string("{\"Memory\":") + bad + "}") != "accepted", bad);
        BOOST_TEST(why(std::string("{\"Unknown\":") + bad + "}") != "accepted", bad);
    }
}

BOOST_AUTO_TEST_CASE(duplicates_are_refused_whatever_their_case) {
    BOOST_TEST(why(R"({"Tty":true,"Tty":true})").ends_with("duplicate key \"Tty\""));
    BOOST_TEST(why(R"({"Tty":true,"tty":true})").ends_with("duplicate key \"Tty\""));
    BOOST_TEST(why(R"({"Memory":1,"MEMORY":1})").ends_with("duplicate key \"Memory\""));
    BOOST_TEST(why(R"({"Tty":true,"T\u0074y":true})").find("duplicate") != std::string::npos);
    BOOST_TEST(why(R"({"Inner":{"Labels":{"a":"1","a":"2"}}})") ==
               "invalid JSON: Inner.Labels: duplicate key \"a\"");
    BOOST_TEST(why(R"({"Unknown":{"a":1,"a":2}})").ends_with("duplicate key \"a\""));
    std::string many = "{\"Unknown\":{";
    for (int i = 0; i < 200; ++i)
        many += "\"k" + std::to_string(i) + "\":1,";
    BOOST_TEST(why(many + "\"z\":1}}") == "accepted");
    BOOST_TEST(why(many + "\"k199\":1}}").ends_with("duplicate key \"k199\""));
}

BOOST_AUTO_TEST_CASE(what_follows_the_document_is_refused) {
    for (const char* tail : {"{}", "x", " 1", "]", "}", ",", "\"a\"", "null"})
        BOOST_TEST(why(std::string("{\"Tty\":true}") + tail) == "unexpected content after JSON",
                   tail);
    BOOST_TEST(why("{\"Tty\":true} \r\n\t") == "accepted");
    BOOST_TEST(why("null null").starts_with("invalid JSON"));
    BOOST_TEST(why("null,null") == "unexpected content after JSON");
}

BOOST_AUTO_TEST_CASE(malformed_documents_are_refused) {
    for (const char* bad : {"",
                            " ",
                            "{",
                            "}",
                            "[",
                            "{\"a\"}",
                            "{\"a\":}",
                            "{\"a\":1,}",
                            "{,}",
                            "{a:1}",
                            "{'a':1}",
                            "{\"a\":[1,]}",
                            "{\"a\":[1 2]}",
                            "{\"a\":[1}",
                            "{\"a\":[1}]}",
                            "{\"a\":\"b}",
                            "{\"a\":tru}",
                            "{\"a\":truex}",
                            "{\"a\":nul}",
                            "{\"a\" 1}",
                            "{\"a\":1 \"b\":2}",
                            "{\"a\":\"\x01\"}",
                            "{\"a\":\"\\x\"}",
                            "{\"a\":\"\\u12\"}",
                            "{\"a\":\"\xff\"}",
                            "{\"a\":\"\xc0\x80\"}",
                            "{\"a\":\"\xed\xa0\x80\"}",
                            "\xef\xbb\xbf{}",
                            "tru",
                            "\"abc",
                            "nul",
                            "{\"a\":{\"b\":1}",
                            "{\"Image\":\"\\ud800\"}",
                            "{1:2}",
                            "//x\n{}",
                            "{\"a\":1}}"})
        BOOST_TEST(why(bad) != "accepted", bad);
}

BOOST_AUTO_TEST_CASE(depth_size_and_nul_have_limits) {
    std::string deep = "{\"Extra\":" + std::string(63, '[') + std::string(63, ']') + "}";
    BOOST_TEST(why(deep) == "accepted");
    deep = "{\"Unknown\":" + std::string(64, '[') + std::string(64, ']') + "}";
    BOOST_TEST(why(deep) == "invalid JSON: exceeded max depth");
    BOOST_TEST(why(std::string(100000, '[')) != "accepted");
    BOOST_TEST(why(R"({"Image":"a\u0000b"})") ==
               "invalid JSON: Image: a string must not contain NUL");
    BOOST_TEST(why(R"({"Cmd":["ok","a\u0000"]})").ends_with("must not contain NUL"));
    BOOST_TEST(why(R"({"Dns":["a\u0000"]})") == "accepted");
    auto large = json::read<Outer>("{\"Tty\":true}", {.bytes_max = 4});
    BOOST_REQUIRE(!large);
    BOOST_TEST((large.error().kind() == Kind::too_large));
    std::string many = "[0" + std::string(2'000'002, ' ');
    for (std::size_t i = 2; i + 1 < many.size(); i += 2)
        many[i] = ',', many[i + 1] = '0';
    many += "]";
    BOOST_TEST(!json::parse(many));
}

BOOST_AUTO_TEST_CASE(strings_are_escaped_as_go_does) {
    std::string out;
    json::append_string(out, std::string("\"\\\n\r\t\b\f\0\x1f\x7f<>&\xff\xe2\x82", 16));
    BOOST_TEST(out ==
               "\"\\\"\\\\\\n\\r\\t\\u0008\\u000c\\u0000\\u001f\x7f<>&\\ufffd\\ufffd\\ufffd\"");
    out.clear();
    json::append_string(out, "<a&b>\xe2\x80\xa8\xe2\x80\xa9é", true);
    BOOST_TEST(out == "\"\\u003ca\\u0026b\\u003e\\u2028\\u2029é\"");
}

BOOST_AUTO_TEST_CASE(numbers_print_as_go_does) {
    auto text = [](double value) { return json::write(value); };
    BOOST_TEST(text(0) == "0");
    BOOST_TEST(text(1) == "1");
    BOOST_TEST(text(-1.5) == "-1.5");
    BOOST_TEST(text(0.1) == "0.1");
    BOOST_TEST(text(100000000000000000000.0) == "100000000000000000000");
    BOOST_TEST(text(1e21) == "1e+21");
    BOOST_TEST(text(1e-7) == "1e-7");
    BOOST_TEST(text(0.000001) == "0.000001");
    BOOST_TEST(json::write(std::uint64_t(UINT64_MAX)) == "18446744073709551615");
    BOOST_TEST(json::write(std::int64_t(INT64_MIN)) == "-9223372036854775808");
}

BOOST_AUTO_TEST_CASE(a_value_holds_any_document) {
    auto got = json::parse(R"({"z":[1,-2.5,"x",true,null,{}],"a":{"b":[]}})");
    BOOST_REQUIRE(got);
    const json::Value* list = got->find("z");
    BOOST_REQUIRE(list);
    BOOST_TEST(list->elements().size() == 6);
    BOOST_TEST(list->elements()[0].integer() == 1);
    BOOST_TEST(list->elements()[1].number() == -2.5);
    BOOST_TEST(!list->elements()[1].is_integer());
    BOOST_TEST(got->find("Z") == nullptr);
    BOOST_TEST(json::write(*got) == R"({"z":[1,-2.5,"x",true,null,{}],"a":{"b":[]}})");
    BOOST_TEST(json::pretty(*json::parse(R"([{"a":1,"b":[]},{}])")) ==
               "[\n    {\n        \"a\": 1,\n        \"b\": []\n    },\n    {}\n]");
    BOOST_TEST(json::parse("\"text\"")->text() == "text");
    BOOST_TEST(json::parse(" 12 ")->integer() == 12);
    BOOST_TEST(!json::parse("12 13"));
}
