import * as z from 'zod';
import { didYouMean } from '../nearest.js';
import { readMac } from '../../net/mac.js';
import { addressOf, writtenCidr, writtenCidrOrAddress } from './address.js';

/** One of some words; `noun` is what a person calls them, `others` what else may stand in their place. */
export function oneOf<const Word extends string>(
  noun: string,
  words: readonly [Word, ...Word[]],
  ...others: readonly string[]
): z.ZodType<Word> {
  return z.enum(words, {
    error: ({ input }) =>
      typeof input === 'string'
        ? `${JSON.stringify(input)} is not ${noun}${didYouMean(input, words)} (${[...words, ...others].join(', ')})`
        : undefined,
  });
}

/** A word whatever its case, as Felix' own patterns take it. */
export function oneOfAnyCase<const Word extends string>(
  noun: string,
  words: readonly [Word, ...Word[]],
): z.ZodType<Word> {
  const exact = oneOf(noun, words);
  return z.preprocess(
    (input) =>
      typeof input === 'string'
        ? (words.find((word) => word.toLowerCase() === input.toLowerCase()) ?? input)
        : input,
    exact,
  );
}

export const integer = (min: number, max: number): z.ZodType<number> =>
  z
    .int({
      error: ({ input }) => (typeof input === 'number' ? `${input} is no whole number` : undefined),
    })
    .check(
      z.refine((value) => value >= min && value <= max, {
        error: ({ input }) => `${String(input)} is out of range: ${min} to ${max}`,
      }),
    )
    .meta({ minimum: min, maximum: max });

/** Text that a test accepts, or the empty text: the API reads it as absent. */
function text(what: string, accepts: (value: string) => boolean): z.ZodType<string> {
  return z.string().refine((value) => value === '' || accepts(value), {
    error: ({ input }) => `${JSON.stringify(input)} is not ${what}`,
  });
}

export const ipv4 = text('an IPv4 address', (value) => addressOf('ipv4', value) !== undefined);
export const ipv6 = text('an IPv6 address', (value) => addressOf('ipv6', value) !== undefined);
export const ipv4WithPrefix = text(
  'an IPv4 address, with or without a prefix length (192.168.1.11/24)',
  (value) => writtenCidrOrAddress(value)?.family === 'ipv4',
);
export const ipv6WithPrefix = text(
  'an IPv6 address, with or without a prefix length (fd00::11/64)',
  (value) => writtenCidrOrAddress(value)?.family === 'ipv6',
);
export const anyAddress = text(
  'an IP address, with or without a prefix length',
  (value) => writtenCidrOrAddress(value) !== undefined,
);
export const cidr = text('a CIDR (10.0.0.0/24)', (value) => writtenCidr(value) !== undefined);
export const mac = text(
  'a MAC address (66:3e:ca:a4:db:65)',
  (value) => readMac(value) !== undefined,
);
