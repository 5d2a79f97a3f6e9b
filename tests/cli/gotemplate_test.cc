// Templates: every expectation here is what Go's text/template prints for the same input.
#include "codec/gotemplate.h"

#include <boost/test/unit_test.hpp>

using codec::Template;
using codec::Value;

namespace {

Value document() {
    auto parsed = codec::parse_value(R"({"Id":"abc","State":{"Running":true,"Pid":42,"Health":null},
        "Config":{"Env":["A=1","B=2"],"Labels":{"z":"26","a":"1"},"Cmd":[]},
        "Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}],"90/tcp":null},
        "Name":"/web","Size":1234567890123,"Big":1.5})");
    BOOST_REQUIRE(parsed);
    return std::move(parsed).value();
}

std::string run(std::string_view text, Template::Mode mode = Template::Mode::values) {
    auto parsed = Template::parse(text);
    if (!parsed) return parsed.error().message();
    std::string out;
    auto done = parsed->execute(document(), out, mode);
    return done ? out : done.error().message();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gotemplate)

BOOST_AUTO_TEST_CASE(fields_and_text) {
    BOOST_TEST(run("id={{.Id}} pid={{ .State.Pid }}!") == "id=abc pid=42!");
    BOOST_TEST(run("{{.Size}} {{.Big}} {{.State.Running}}") == "1234567890123 1.5 true");
    BOOST_TEST(run("{{.Config.Env}} {{.Config.Cmd}} {{.Config.Labels}}") ==
               "[A=1 B=2] [] map[a:1 z:26]");
    BOOST_TEST(run("a\n  {{- .Id -}}  \nb") == "aabcb");
    BOOST_TEST(run("x{{/* note */}}y{{- /* more */ -}} z") == "xyz");
}

BOOST_AUTO_TEST_CASE(json_keeps_order_and_numbers) {
    BOOST_TEST(run("{{json .State}}") == R"({"Running":true,"Pid":42,"Health":null})");
    BOOST_TEST(run("{{.Config.Labels | json}}") == R"({"z":"26","a":"1"})");
    BOOST_TEST(run("{{json .Size}} {{json .Name}}") == "1234567890123 \"/web\"");
}

BOOST_AUTO_TEST_CASE(control) {
    BOOST_TEST(run("{{range .Config.Env}}<{{.}}>{{end}}") == "<A=1><B=2>");
    BOOST_TEST(run("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}") == "a=1;z=26;");
    BOOST_TEST(run("{{range $i, $e := .Config.Env}}{{if $i}},{{end}}{{$e}}{{end}}") == "A=1,B=2");
    BOOST_TEST(run("{{range .Config.Cmd}}x{{else}}none{{end}}") == "none");
    BOOST_TEST(
        run("{{range .Config.Env}}{{break}}{{end}}{{range .Config.Env}}{{continue}}x{{end}}") ==
        "");
    BOOST_TEST(run("{{if .State.Running}}up{{else}}down{{end}}") == "up");
    BOOST_TEST(
        run("{{if .State.Health}}{{.State.Health.Status}}{{else if .Id}}id{{else}}no{{end}}") ==
        "id");
    BOOST_TEST(run("{{with .State}}{{.Pid}} {{$.Id}}{{end}}") == "42 abc");
    BOOST_TEST(run("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}") == "2");
    BOOST_TEST(run("{{with $y := .Name}}{{$y}}{{end}}") == "/web");
}

BOOST_AUTO_TEST_CASE(functions) {
    BOOST_TEST(run("{{(index (index .Ports \"80/tcp\") 0).HostPort}}") == "8080");
    BOOST_TEST(run("{{range $p, $conf := .Ports}}{{$p}}->{{len $conf}} {{end}}") != "");
    BOOST_TEST(run("{{index .Config.Env 1}} {{index .Config.Labels \"nope\"}}|") ==
               "B=2 <no value>|");
    BOOST_TEST(run("{{upper .Id}} {{.Id | title}} {{lower \"AbC\"}}") == "ABC Abc abc");
    BOOST_TEST(run("{{join .Config.Env \",\"}} {{json (split \"a:b\" \":\")}}") ==
               "A=1,B=2 [\"a\",\"b\"]");
    BOOST_TEST(run("{{truncate .Id 2}}{{pad .Id 1 2}}|") == "ab abc  |");
    BOOST_TEST(run("{{printf \"%-6s|%5d|%q|%v|%.1f|%%\" .Id .State.Pid .Name true .Big}}") ==
               "abc   |   42|\"/web\"|true|1.5|%");
    BOOST_TEST(run("{{println .Id}}") == "abc\n");
    BOOST_TEST(run("{{print 1 2 \"x\" 3}}") == "1 2x3");
    BOOST_TEST(run("{{if and .State.Running (eq .State.Pid 42) (ne .Id \"x\")}}y{{end}}") == "y");
    BOOST_TEST(run("{{if or (eq .Id \"z\" \"abc\") .Nope}}y{{end}}") == "y");
    BOOST_TEST(run("{{not .State.Running}} {{gt .State.Pid 41}} {{le 1 1}} {{len .Id}}") ==
               "false true true 3");
    BOOST_TEST(run("{{slice .Id 0 2}} {{\"a\\tb\"}} {{`r\\n`}}") == "ab a\tb r\\n");
}

BOOST_AUTO_TEST_CASE(errors_read_as_go) {
    BOOST_TEST(run("{{.Id") == "template: :1: unclosed action");
    BOOST_TEST(run("{{foo .Id}}") == "template: :1: function \"foo\" not defined");
    BOOST_TEST(run("{{if .Id}}x") == "template: :1: unexpected EOF");
    BOOST_TEST(run("{{end}}") == "template: :1: unexpected {{end}}");
    BOOST_TEST(run("{{$a}}") == "template: :1: undefined variable \"$a\"");
    BOOST_TEST(run("{{.Nope}}") ==
               "template: :1:2: executing \"\" at <.Nope>: map has no entry for key \"Nope\"");
    BOOST_TEST(
        run("{{.State.Nope}}") ==
        "template: :1:8: executing \"\" at <.State.Nope>: map has no entry for key \"Nope\"");
    BOOST_TEST(run("{{}}") == "template: :1: missing value for command");
}

BOOST_AUTO_TEST_CASE(a_struct_tells_its_type) {
    Value row = Value::object("*formatter.ContainerContext");
    row.set("ID", "x").set("Label",
                           Value::function([](std::span<const Value> arguments) -> Result<Value> {
                               return Value("<" + arguments[0].text() + ">");
                           }));
    std::string out;
    auto good = Template::parse("{{.ID}}{{.Label \"k\"}}{{json .}}");
    BOOST_REQUIRE(good);
    BOOST_TEST(bool(good->execute(row, out)));
    BOOST_TEST(out == "x<k>{\"ID\":\"x\"}");
    auto wrong = Template::parse("{{.No}}");
    BOOST_REQUIRE(wrong);
    auto done = wrong->execute(row, out);
    BOOST_REQUIRE(!done);
    BOOST_TEST(done.error().message() ==
               "template: :1:2: executing \"\" at <.No>: can't evaluate field No in type "
               "*formatter.ContainerContext");
}

BOOST_AUTO_TEST_CASE(a_header_shows_names_untouched) {
    BOOST_TEST(run("{{upper .Id}} {{truncate .Id 1}} {{json .Id}}", Template::Mode::header) ==
               "abc abc abc");
}

BOOST_AUTO_TEST_CASE(indenting_leaves_tokens_alone) {
    BOOST_TEST(codec::indent_json(R"([{"a":1.50,"b":[],"c":{},"d":["x\"]","\u003c"]}])", "  ") ==
               "[\n  {\n    \"a\": 1.50,\n    \"b\": [],\n    \"c\": {},\n    \"d\": [\n      "
               "\"x\\\"]\",\n      \"\\u003c\"\n    ]\n  }\n]");
}

BOOST_AUTO_TEST_CASE(a_copy_is_not_changed_by_its_twin) {
    Value one = Value::object();
    one.set("a", 1);
    Value two = one;
    two.set("a", 2);
    BOOST_TEST(one["a"].integer() == 1);
    BOOST_TEST(two["a"].integer() == 2);
    BOOST_TEST(!codec::parse_value("{\"a\":1} x"));
    BOOST_TEST(!codec::parse_value("[1,"));
}

BOOST_AUTO_TEST_CASE(quoting_as_go) {
    BOOST_TEST(codec::go_quote("a\"b\\\n\x01\x7f\xff\xc3\xa9") ==
               "\"a\\\"b\\\\\\n\\x01\\x7f\\xffé\"");
}

BOOST_AUTO_TEST_SUITE_END()
