import test from 'ava';
import { parseSelector } from '../../../src/model/selector.js';

const labels = { zone: 'a1', rack: 'r', 'topology.kubernetes.io/zone': 'eu' };

const takes = test.macro<[string, boolean]>({
  exec: (t, text, expected) => {
    const selector = parseSelector(text);
    t.true(selector.ok);
    t.is(selector.ok && selector.matches(labels), expected);
  },
  title: (_, text, expected) =>
    `${text === '' ? 'the empty selector' : text} ${expected ? 'takes' : 'leaves'} the node`,
});

test(takes, '', true);
test(takes, '  ', true);
test(takes, 'all()', true);
test(takes, 'all( )', true);
test(takes, '!all()', false);
test(takes, '!!all()', true);
test(takes, 'has(zone)', true);
test(takes, 'has( gpu )', false);
test(takes, "zone == 'a1'", true);
test(takes, 'zone == "a2"', false);
test(takes, 'zone != "a2"', true);
test(takes, 'gpu != "x"', true);
test(takes, 'gpu == "x"', false);
test(takes, 'zone in {"a1", "b"}', true);
test(takes, "zone in {'b'}", false);
test(takes, 'zone in {}', false);
test(takes, 'zone not in {"b"}', true);
test(takes, 'zone notin {"a1"}', false);
test(takes, 'gpu not in {"b"}', true);
test(takes, 'zone contains "1"', true);
test(takes, 'zone starts with "a"', true);
test(takes, 'zone startswith "b"', false);
test(takes, 'zone ends with "1"', true);
test(takes, 'zone endswith "a"', false);
test(takes, 'has(gpu) || has(rack) && has(zone)', true);
test(takes, '(has(gpu) || has(rack)) && has(gpu)', false);
test(takes, 'topology.kubernetes.io/zone == "eu"', true);

const refuses = test.macro<[string, string]>({
  exec: (t, text, why) => {
    t.deepEqual(parseSelector(text), { ok: false, why });
  },
  title: (_, text) => `${text} is no selector`,
});

test(refuses, 'all(nothing)', 'expected ), found nothing');
test(refuses, 'all(', 'expected ), found its end');
test(refuses, 'zone', 'it ends too early');
test(refuses, 'zone ==', 'it ends too early');
test(refuses, 'zone = "a"', 'unexpected =');
test(refuses, 'zone == a', 'expected a value in quotes, found a');
test(refuses, 'zone == "a', 'unterminated string');
test(refuses, 'zone is "a"', 'expected an operator after zone, found is');
test(refuses, 'has zone', 'expected an operator after has, found zone');
test(refuses, 'has(a) has(b)', 'unexpected has(');
test(refuses, 'has(a) &&', 'it ends too early');
test(refuses, '(has(a)', 'expected ), found its end');
test(refuses, 'zone in "a"', 'expected {, found "a"');
test(refuses, 'zone in {"a"', 'expected }, found its end');
test(refuses, 'a & b', 'unexpected &');

test('parentheses without end are refused, not followed', (t) => {
  t.deepEqual(parseSelector('('.repeat(100_000)), { ok: false, why: 'too many parentheses' });
});
