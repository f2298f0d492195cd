"""Calls of Toxiproxy's API at its edges, each a method, a path and a body; they are made in this order, on one server."""

import json

Call = tuple[str, str, str]

HUGE = 9223372036854775807


def _posts(path: str, *bodies: str) -> list[Call]:
    return [("POST", path, body) for body in bodies]


def _proxy(name: str, listen: str = "127.0.0.1:0", upstream: str = "h:1", **more: object) -> str:
    return json.dumps({"name": name, "listen": listen, "upstream": upstream, **more}, ensure_ascii=False)


NO_JSON = [
    "", " ", "nul", "nulx", '{"name":"r1" "upstream"}', '{"name":"r1",}', "{name:1}", '{"name":tru}', '{"name":01}',
    '{"name":1.}', '{"name":1.e5}', '{"name":-}', '{"name":-x}', '{"name":1e}', '{"name":1e+}', '{"name":"a\n"}',
    '{"name":"a\\x"}',
    '{"name":"a\\u12g4"}', '{"name":"\t"}', '{"name":nulL}', '{"name":"a"', '{"name":"a" ', "'a'", '{"a":[1,2}', "[1 2]",
    '{"a" 1}',
    "{1:2}", '{"a":}', "+1", ".5", "NaN", "\ufeff{}", "/*c*/{}", '{"a":"\\', '"\\u12', '{"a":-01}', '{"a":0x1}', '{"n":{"a":[}}}',
    '{"a":falsy}', '{"a":fals', '{"a":[1,]}', '{"a":1', "[", '{"a":"x\x7f"', "\x01", "\u00e9", "\u00a0", '"', "{", "-", "1.",
    "1e",
]  # fmt: skip
NO_PROXY = [
    "null", "{}", "[]", "5", '"a"', "true", '{"a":1}}', "[[]]]", '{"name":5}', '{"name":"x","upstream":5}',
    '{"name":["a"],"upstream":{}}', '{"name":"q","upstream":"h:1","enabled":"x"}', '{"name":1.5}', '{"name":false}',
    '{"name":null,"upstream":"x"}', '{"name":"","upstream":""}', '{"name":"u","upstream":""}', "   \n\t{}", '{"enabled":1}',
    '{"enabled":[]}', '{"enabled":{}}', '{"enabled":"true","name":7}', '{"name":"q9","upstream":"h:1","Logger":5}',
    '{"\u017fname":1}', '{"upstream":"h:1"}',
]  # fmt: skip
LISTENS = [
    "nope", "99999", "127.0.0.1:99999", "127.0.0.1:nosvc", "1.2.3.4:0", "a:b:c", "[::1:5", "127.0.0.1:-1", "256.1.1.1:0", "::1:0",
    "[x:0", "[::1]x:0", "[::1]", "a]:0", "a[:0", "127.0.0.1 :0", "127.1:0", "127.0.0.1:65536", "127.0.0.1:4294967296",
    "127.0.0.1:0x0", "[fe80::1]:0", "[a]:b:0",
]  # fmt: skip
PROXIES = [
    *_posts("/proxies", *NO_JSON, *NO_PROXY, *(_proxy("refused", listen) for listen in LISTENS)),
    *_posts(
        "/proxies",
        '{"name":"q2","upstream":"h:1","enabled":null,"listen":null}',
        _proxy("q3") + " trailing",
        _proxy("q3"),
        '{"NAME":"Q8","Upstream":"h:1","LISTEN":"127.0.0.1:0","eNaBlEd":false}',
        _proxy("q9", logger={"a": 1}, toxics=5),
        _proxy("q10", Logger=None),
        r'{"name":"a","name":"b<>&\u2028\u0001\b\f\n\t\"\\\u007f\ud800x\ud83d\ude00","upstream":"h:1","listen":"127.0.0.1:0"}',
        _proxy("\u00e9"),
        _proxy("x y"),
        *(_proxy(f"at {listen}", listen) for listen in ("localhost:0", "[::1]:0", ":0", "127.0.0.1:", "127.0.0.1:+0", "[::]:0")),
        *(_proxy(f"at {listen}", listen) for listen in ("0.0.0.0:0", "[127.0.0.1]:0", "127.0.0.2:0", "[]:0", ":", "[::1%lo]:0")),
        _proxy("w", "127.0.0.1:80000", enabled=False),
    ),
    ("PATCH", "/proxies/w", '{"enabled":true}'),
    ("PATCH", "/proxies/w", '{"listen":"127.0.0.1:0"}'),
    ("GET", "/proxies/x%20y", ""),
    ("GET", "/proxies/x+y", ""),
    ("GET", "/proxies/a%2Fb", ""),
    ("GET", "/proxies/a%2fb/toxics", ""),
    ("DELETE", "/proxies/x%20y", ""),
    ("DELETE", "/proxies/x%20y", ""),
    ("GET", "/proxies", ""),
]

TOXICS = [
    ("POST", "/proxies", _proxy("p", upstream="127.0.0.1:1")),
    *_posts(
        "/proxies/p/toxics",
        "", "{}", "null", "[]", "5",
        '{"type":"latency"}', '{"type":"latency"}', '{"type":"latency","name":"l2","toxicity":0.5,"attributes":{"latency":5}}',
        '{"type":"latency","stream":"x"}', '{"type":"latency","stream":""}', '{"type":"latency","stream":null,"name":"l3"}',
        '{"type":"latency","stream":"UpStream"}', '{"type":"nope"}', '{"type":5}', '{"type":"latency","name":"z","attributes":5}',
        '{"type":"latency","name":"z","attributes":null}', '{"type":"latency","name":"z1","attributes":[]}',
        '{"type":"latency","name":"z1","attributes":{"latency":"a"}}',
        '{"type":"latency","name":"z1","attributes":{"latency":1.5}}',
        '{"type":"latency","name":"z1","attributes":{"latency":1e3}}',
        '{"type":"latency","name":"z1","attributes":{"latency":{}}}',
        f'{{"type":"latency","name":"z1","attributes":{{"latency":{HUGE + 1}}}}}',
        f'{{"type":"latency","name":"z1","attributes":{{"latency":{HUGE}1}}}}',
        f'{{"type":"latency","name":"z1","attributes":{{"latency":{HUGE},"jitter":null}}}}',
        f'{{"type":"latency","name":"z2","attributes":{{"latency":{-HUGE - 1},"foo":1}}}}',
        '{"type":"slicer","name":"s","attributes":{"average_size":1.0}}',
        '{"type":"slicer","name":"s","attributes":{"AVERAGE_SIZE":10,"size_variation":2,"delay":-1}}',
        '{"type":"noop"}', '{"type":"noop","name":"n2","attributes":{"a":1}}', '{"type":"timeout","toxicity":7}',
        '{"type":"timeout","stream":"upstream","toxicity":-3}', '{"type":"limit_data","toxicity":"x"}',
        '{"type":"limit_data","toxicity":1e400}', '{"type":"limit_data","toxicity":1e39}',
        '{"type":"limit_data","toxicity":0.3333333333333}',
        *(f'{{"type":"noop","name":"t{number}","toxicity":{number}}}' for number in (
            "1e-7", "1e21", "123456789", "-0.0", "1e-50", "3.4e38", "1e-6", "1e20", "0.1", "16777217", "1.0e0", "2.5e-5",
        )),
        '{"type":"reset_peer"}', '{"type":"slow_close","attributes":{"delay":5}}', '{"type":"slow_close","name":"a/b"}',
        '{"type":"noop","name":5}', '{"type":"noop","stream":5}',
        '{"type":"latency","name":"z9","attributes":"x","toxicity":"y"}',
        '{"type":"latency","name":"z9","attributes":{"latency":"a","jitter":true}}',
        '{"name":"nn","type":"latency","Type":"noop"}',
        '{"type":"noop","name":"d","Direction":3,"Index":9,"BufferSize":2}',
        '{"type":"latency","attributes":{"latency":1},"attributes":{"jitter":2},"name":"dup"}',
        '{"type":"latency","name":"tx","toxicity":null}', '{"type":""}', '{"type":"","name":"x"}',
        '{"type":"noop","toxicity":true}',
        '{"type":"latency","name":"zz","attributes":{"latency":-0}}',
    ),
    ("GET", "/proxies/p/toxics", ""),
    ("GET", "/proxies/p/toxics/a/b", ""),
    ("GET", "/proxies/p/toxics/UP", ""),
    *(("PATCH", "/proxies/p/toxics/latency_downstream", body) for body in (
        "", "{}", "null", '{"attributes":{"latency":77,"jitter":"a"}}', '{"attributes":{"jitter":"a","latency":78}}',
        '{"toxicity":0.25}', '{"toxicity":null}', '{"toxicity":"a"}',
        '{"name":"new","stream":"upstream","type":"noop","toxicity":1}',
        '{"attributes":null}', '{"attributes":5}', '{"attributes":[]}', '{"ATTRIBUTES":{"LATENCY":9}}',
        '{"attributes":{"latency":80},"toxicity":"x"}', '{"toxicity":0.5,"attributes":{"latency":"q"}}',
        '{"attributes":{"latency":1.5}}', '{"toxicity":1e99}', "[]", '{"attributes":{"latency":1,"latency":2}}', "{bad", "5",
        "true",
    )),
    ("PATCH", "/proxies/p/toxics/nope", "{}"),
    ("PATCH", "/proxies/p/toxics/nope", "{bad"),
    ("POST", "/proxies/p/toxics/latency_downstream", '{"attributes":{"latency":3}}'),
    ("DELETE", "/proxies/p/toxics/nope", ""),
    ("DELETE", "/proxies/p/toxics/latency_downstream", ""),
    ("GET", "/proxies/p/toxics/latency_downstream", ""),
    ("GET", "/proxies/none/toxics", ""),
    ("POST", "/proxies/none/toxics", "{bad"),
    *(("PATCH", "/proxies/p", body) for body in (
        "", "{}", "null", "[]", '{"enabled":"x"}', '{"name":"zz"}', '{"listen":"bad"}', '{"listen":"127.0.0.1:99999"}',
        '{"upstream":""}', '{"upstream":"127.0.0.1:2","enabled":false}', '{"listen":"localhost:0","enabled":false}',
        '{"listen":"x","enabled":false}', '{"enabled":true}', '{"listen":"1.2.3.4:0"}', '{"enabled":true}',
        '{"listen":"127.0.0.1:0"}', '{"enabled":true}', '{"toxics":[],"Logger":{}}', '{"Logger":5}',
        '{"listen":5,"upstream":"127.0.0.1:9"}', '{"listen":""}',
    )),
    ("GET", "/proxies/p", ""),
    ("POST", "/reset", "ignored"),
    ("GET", "/proxies/p", ""),
]  # fmt: skip

POPULATES = [
    *_posts(
        "/populate",
        "", "[]", "null", "{}", "[{}]", "[5]", "[null]", '[{"name":"a"}]', '[{"name":5}]',
        '[{"name":"a","upstream":"h:1","enabled":"x"}]',
        '[{"name":"a","upstream":"h:1","enabled":5,"listen":7}]', f'[{_proxy("a")},{_proxy("b", "bad")}]',
        f'[{_proxy("a", "bad")}]',
        f'[{_proxy("z", "bad")}]', f'[{_proxy("c")},{{"upstream":"x"}}]', f'[{_proxy("c", enabled=False)}]',
        f'[{_proxy("c", enabled=True)}]',
        f'[{_proxy("c", enabled=None)}]', f'[{_proxy("d")},{_proxy("d")}]', f'[{_proxy("e", Logger=5)}]',
        '[{"name":"e","upstream":"h:1"',
        f'[{_proxy("e")},]', "[[]]",
    ),
    ("GET", "/proxies", ""),
    ("POST", "/proxies/a/toxics", '{"type":"latency"}'),
    *_posts("/populate", f'[{_proxy("a", upstream="h:2")}]'),
    ("GET", "/proxies/a", ""),
]  # fmt: skip

PATHS = [
    ("GET", path, "")
    for path in ("/version", "/version?x=1", "/nope", "/", "/version/", "/proxies/", "/proxies/?x=1", "/proxies/none", "/metrics")
] + [
    ("PUT", "/proxies", ""),
    ("OPTIONS", "/proxies", ""),
    ("PUT", "/proxies/a/toxics", ""),
    ("POST", "/proxies/", ""),
    ("GET", "/reset", ""),
    ("GET", "/populate", ""),
    ("GET", "/proxies/%00", ""),
    ("GET", "/proxies/%ff", ""),
    ("GET", "/proxies/a;b", ""),
    ("GET", "//version", ""),
    ("GET", "/proxies/../version?x=1", ""),
    ("POST", "/./reset", ""),
    ("DELETE", "/proxies/none", ""),
]

ALL = [*PATHS, *PROXIES, *TOXICS, *POPULATES]
