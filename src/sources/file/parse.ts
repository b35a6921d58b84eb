import {
  type Alias,
  LineCounter,
  type Document as YamlDocument,
  parseAllDocuments,
  parseDocument,
  type ParseOptions,
  type ScalarTag,
  type Tags,
  visit,
  type YAMLError,
} from 'yaml';
import type { Document, Documents } from '../../model/document.js';
import type { Problem } from '../../model/problem.js';
import { isTooDeep } from '../depth.js';
import { documentsOf, startOf } from './document.js';
import { plainJson } from './json.js';
import { limits, tooMuch } from './limits.js';
import { type Text, textOf, textProblem } from './text.js';

/** The resources in a file's bytes, YAML or JSON. Never throws: what can't be read is a problem with its place. */
export function parse(file: string, bytes: Uint8Array): Documents {
  if (bytes.length > limits.sizeBytes)
    return refused(
      file,
      `larger than ${limits.sizeBytes / 1024 / 1024} MiB: split it into several files`,
    );
  const decoded = decode(bytes);
  if ('message' in decoded) return refused(file, decoded.message, decoded);
  const { content } = decoded;
  const excess = tooMuch(content);
  if (excess !== undefined)
    return refused(file, excess.message, { content, offset: excess.offset });
  const lines = new LineCounter();
  if (content.trim() === '') {
    const problem = textProblem(textOf(file, '', lines), 'the file is empty', 0, 'warning');
    return { files: [file], documents: [], problems: [problem] };
  }
  const json = plainJson(content);
  return json === undefined || isTooDeep(json.value)
    ? parseText(file, content, lines)
    : jsonDocuments(file, content, json.value, lines);
}

/** Ten thousand blocks as JSON take the YAML parser seconds: it is asked only where there is a place to tell. */
function jsonDocuments(
  file: string,
  content: string,
  value: unknown,
  lines: LineCounter,
): Documents {
  let parsed: YamlDocument | undefined;
  const places = (): YamlDocument =>
    (parsed ??= parseDocument(content, { lineCounter: lines, prettyErrors: false }));
  const documents = documentsOf(textOf(file, content, lines), places, value);
  return { files: [file], documents, problems: [] };
}

function parseText(file: string, content: string, lines: LineCounter): Documents {
  const text = textOf(file, content, lines);
  const documents: Document[] = [];
  const problems: Problem[] = [];
  try {
    const options: ParseOptions & { customTags: (tags: Tags) => Tags } = {
      lineCounter: lines,
      customTags,
    };
    const parsed = parseAllDocuments(content, {
      ...options,
      prettyErrors: false,
      stringKeys: true,
      merge: true,
    });
    for (const document of 'empty' in parsed ? [] : parsed) {
      const faults = [...document.errors, ...document.warnings];
      problems.push(...faults.map((fault) => yamlProblem(text, document, fault)));
      const alias = strayAlias(document);
      if (alias !== undefined)
        problems.push(textProblem(text, `there is no anchor &${alias.source}`, alias.range?.[0]));
      if (faults.length > 0 || alias !== undefined) continue;
      const start = startOf(document);
      const value = plainValue(() => document.toJS({ maxAliasCount: limits.aliases }) as unknown);
      if ('message' in value) problems.push(textProblem(text, value.message, start));
      else documents.push(...documentsOf(text, () => document, value.value));
    }
  } catch (error) {
    // The parser is recursive: some nesting escapes the look beforehand.
    problems.push(
      textProblem(
        text,
        `can't be parsed: ${error instanceof RangeError ? 'nested too deeply' : String(error)}`,
      ),
    );
  }
  return { files: [file], documents, problems };
}

/** `*name` without a `&name` before it. */
function strayAlias(document: YamlDocument): Alias | undefined {
  let found: Alias | undefined;
  let seen = 0;
  visit(document, {
    Alias: (_, alias) => {
      // More are refused anyway, and looking each of them up takes its time.
      if ((seen += 1) > limits.aliases) return visit.BREAK;
      if (alias.resolve(document) !== undefined) return undefined;
      found = alias;
      return visit.BREAK;
    },
  });
  return found;
}

function plainValue(
  convert: () => unknown,
): { readonly value: unknown } | { readonly message: string } {
  try {
    const value = convert();
    return isTooDeep(value)
      ? { message: `nested more than ${limits.depth} levels deep` }
      : { value };
  } catch (error) {
    if (error instanceof RangeError) return { message: 'nested too deeply' };
    return { message: `more than ${limits.aliases} aliases: write the values out` };
  }
}

/** A file that is not even given to the parser. */
function refused(file: string, message: string, at = { content: '', offset: 0 }): Documents {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (const { index } of at.content.matchAll(/\n/g)) lines.addNewLine(index + 1);
  const problem = textProblem(textOf(file, at.content, lines), message, at.offset);
  return { files: [file], documents: [], problems: [problem] };
}

type Decoded =
  | { readonly content: string }
  | { readonly message: string; readonly content: string; readonly offset: number };

function decode(bytes: Uint8Array): Decoded {
  const mark = Buffer.from(bytes.subarray(0, 2)).toString('hex');
  if (mark === 'fffe' || mark === 'feff')
    return { message: 'UTF-16 text: save it as UTF-8', content: '', offset: 0 };
  // What is no UTF-8 becomes U+FFFD: that is where it is told.
  const content = new TextDecoder('utf-8').decode(bytes);
  const zero = content.indexOf('\0');
  if (zero >= 0) return { message: 'not text: there is a zero byte', content, offset: zero };
  try {
    return { content: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { message: 'not UTF-8 text', content, offset: Math.max(0, content.indexOf('\uFFFD')) };
  }
}

/** kubectl reads YAML 1.1's words for booleans: `natOutgoing: yes` is true. */
const yesNo: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: /^(?:y|yes|on|n|no|off)$/i,
  resolve: (word) => /^(?:y|yes|on)$/i.test(word),
};

function customTags(tags: Tags): Tags {
  return [...tags, yesNo];
}

function yamlProblem(text: Text, document: YamlDocument, fault: YAMLError): Problem {
  const { code, pos } = fault;
  const opened = code === 'MISSING_CHAR' ? quoteBefore(document, pos[0]) : undefined;
  const [start, end] = opened === undefined ? pos : [opened, opened + 1];
  const message = opened === undefined ? messageOf(text, fault) : 'this quote is never closed';
  return { severity: 'error', path: '', message, ...text.spot(start, end) };
}

/** The parser tells an open quote where the file ends; its reader wants to know where it began. */
function quoteBefore(document: YamlDocument, end: number): number | undefined {
  let found: number | undefined;
  visit(document, {
    Scalar: (_, { type, range }) => {
      if (type !== 'QUOTE_DOUBLE' && type !== 'QUOTE_SINGLE') return;
      if (range && range[0] < end && range[1] >= end) found = range[0];
    },
  });
  return found;
}

function messageOf(text: Text, { code, message, pos }: YAMLError): string {
  if (code === 'DUPLICATE_KEY') {
    const key = /^["']?([^"':\s]+)/.exec(text.content.slice(pos[0]))?.[1] ?? '';
    return `the key ${key} is there twice`;
  }
  // `fd00::` looks like a key.
  const value = /^[^\s,}\]]*:(?=\s*(?:[,}\]\n]|$))/.exec(text.content.slice(pos[0]))?.[0];
  if ((code === 'BLOCK_AS_IMPLICIT_KEY' || code === 'BLOCK_IN_FLOW') && value !== undefined)
    return `a value that ends with a colon needs quotes: '${value}'`;
  return messages[code] ?? message.charAt(0).toLowerCase() + message.slice(1);
}

/** Where the parser's own words need a YAML expert. */
const messages: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  TAB_AS_INDENT: 'a tab indents this line: YAML wants spaces',
  TAG_RESOLVE_FAILED: 'tags of YAML (!…) are not read: write a plain value',
  NON_STRING_KEY: 'a key must be text',
};
