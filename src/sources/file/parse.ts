import {
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
import { documentsOf, startOf } from './document.js';
import { plainJson } from './json.js';
import { isTooDeep, limits, tooMuch } from './limits.js';
import { type Text, textOf, textProblem } from './text.js';

/** The resources in a file's bytes, YAML or JSON. Never throws: what can't be read is a problem with its place. */
export function parse(file: string, bytes: Uint8Array): Documents {
  const lines = new LineCounter();
  const refuse = (message: string, offset = 0, content = ''): Documents => {
    lines.addNewLine(0);
    return {
      files: [file],
      documents: [],
      problems: [textProblem(textOf(file, content, lines), message, offset)],
    };
  };
  if (bytes.length > limits.sizeBytes)
    return refuse(`larger than ${limits.sizeBytes / 1024 / 1024} MiB: split it into several files`);
  const decoded = decode(bytes);
  if ('message' in decoded) return refuse(decoded.message, decoded.offset);
  const { content } = decoded;
  const excess = tooMuch(content);
  if (excess !== undefined) return refuse(excess.message, excess.offset, content);
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
      if (faults.length > 0) continue;
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

function decode(
  bytes: Uint8Array,
): { readonly content: string } | { readonly message: string; readonly offset: number } {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    return { message: 'UTF-16 text: save it as UTF-8', offset: 0 };
  const zero = bytes.indexOf(0);
  if (zero >= 0) return { message: 'not text: it has a zero byte', offset: 0 };
  try {
    return { content: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { message: 'not UTF-8 text', offset: 0 };
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
  return messages[code] ?? message.charAt(0).toLowerCase() + message.slice(1);
}

/** Where the parser's own words need a YAML expert. */
const messages: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  TAB_AS_INDENT: 'a tab indents this line: YAML wants spaces',
  TAG_RESOLVE_FAILED: 'tags of YAML (!…) are not read: write a plain value',
  NON_STRING_KEY: 'a key must be text',
};
