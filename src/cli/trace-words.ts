import { type Command, InvalidArgumentError, Option } from 'commander';
import { readAddress } from '../net/address.js';
import { hostCidr, readCidr, type Cidr } from '../net/cidr.js';
import { decisionWords, type DecisionWord } from './decision-word.js';
import { above0, wholeFrom } from './ticks.js';

/** Which decisions somebody wants to see, in words. */
export interface FilterOptions {
  readonly from?: Cidr;
  readonly to?: Cidr;
  readonly host?: Cidr;
  readonly proto?: number;
  readonly port?: number;
  readonly decision: readonly DecisionWord[];
  readonly drops?: boolean;
  readonly reason: readonly string[];
  readonly direction?: 'egress' | 'ingress';
}

/** When a command that follows packets ends; else with Ctrl-C. */
export interface EndOptions {
  readonly count?: number;
  readonly for?: number;
}

/** Gives a command the options of a filter that the kernel applies. */
export function takesFilter(command: Command): Command {
  return command
    .option('--from <address>', 'inner source: an address or a prefix', prefixFrom)
    .option('--to <address>', 'inner destination, likewise', prefixFrom)
    .option('--host <address>', 'either of the two', prefixFrom)
    .option('--proto <name>', 'inner protocol: tcp, udp, icmp, icmp6, sctp or its number', protocol)
    .option('--port <number>', 'inner port, of either end', portFrom)
    .addOption(
      new Option('--decision <word>', 'what became of it; may repeat (default: all but pass)')
        .choices(decisionWords)
        .argParser((word: string, before: readonly DecisionWord[]) => [...before, decision(word)])
        .default([], ''),
    )
    .option('--drops', 'as --decision drop')
    .option(
      '--reason <verdict>',
      'the verdict, as in `encap map dump verdicts`; may repeat',
      (word: string, before: readonly string[]) => [...before, word],
      [],
    )
    .addOption(
      new Option('--direction <hook>', 'of the underlay interface').choices(['egress', 'ingress']),
    );
}

/** Gives a command the options that end it. */
export function takesEnds(command: Command, what: string): Command {
  return command
    .option('-n, --count <number>', `end after so many ${what}`, wholeFrom)
    .option('--for <seconds>', 'end after so long (default: Ctrl-C)', above0);
}

function decision(word: string): DecisionWord {
  const known = decisionWords.find((one) => one === word);
  if (known !== undefined) return known;
  throw new InvalidArgumentError(`Allowed choices are ${decisionWords.join(', ')}.`);
}

function prefixFrom(text: string): Cidr {
  const address = readAddress(text);
  const cidr = address === undefined ? readCidr(text)?.cidr : hostCidr(address);
  if (cidr !== undefined) return cidr;
  throw new InvalidArgumentError('give an address or a prefix: 10.244.3.9, 10.244.3.0/26');
}

/** IANA's assigned protocol numbers. */
const protocols: Readonly<Record<string, number>> = {
  ...{ icmp: 1, ipip: 4, tcp: 6, udp: 17, icmp6: 58, sctp: 132 },
};

function protocol(text: string): number {
  const number = protocols[text.toLowerCase()] ?? Number(text);
  if (Number.isInteger(number) && number > 0 && number < 256) return number;
  throw new InvalidArgumentError(`give ${Object.keys(protocols).join(', ')} or a number to 255`);
}

function portFrom(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number < 65536) return number;
  throw new InvalidArgumentError('give a number from 1 to 65535');
}
