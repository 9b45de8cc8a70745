// Runs `tests/vectors` against the map component under Node.
//
//     node vectors.mjs MODULE VECTORS
//
// where MODULE is the module that `jco transpile --instantiation sync` made of the component, and
// VECTORS is the folder. Exits with code 1 at the first unexpected answer, and if a file compares
// nothing.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Case } from './case.mjs';
import { Host } from './host.mjs';
import { Fault, parse, same, show } from './tokens.mjs';

/** Runs a script, and returns how many of its lines were compared. */
function run(host, name, script) {
  let compared = 0;
  let current;
  let title = '';
  for (const [at, untrimmed] of script.split('\n').entries()) {
    const line = untrimmed.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('==')) {
      title = line.slice(2).trim();
      current = new Case(host);
      continue;
    }
    try {
      if (current === undefined) throw new Fault('the first case must begin with `==`');
      const { tokens, expected } = parse(line);
      const answer = current.operation(tokens.name(), tokens);
      tokens.end();
      if (!same(answer, expected)) throw new Fault(`answered ${show(answer)}`);
    } catch (fault) {
      const told = fault instanceof Fault ? fault.message : fault.stack;
      throw new Fault(`${name}:${at + 1} (${title}): ${show([line])}\n  ${told}`);
    }
    compared += 1;
  }
  if (compared === 0) throw new Fault(`${name} compares nothing`);
  return compared;
}

/** Checks that this runner detects a wrong answer. */
function mustFail(host, name, script) {
  try {
    run(host, name, script);
  } catch (fault) {
    if (fault instanceof Fault) return;
    throw fault;
  }
  throw new Fault(`${name}: a wrong answer was not detected`);
}

/** Returns the script up to its first answer, with one token too many. */
function altered(script) {
  const end = script.indexOf('\n', script.indexOf(' -> '));
  return `${script.slice(0, end)} "altered"\n`;
}

const WRONG = [
  '', '== case\n', '== case\nfly -> ok\n', 'get "k" -> none\n', '== case\nlen -> 1\n',
  '== case\nlen ->\n', '== case\nlen 1 -> 0\n',
];

async function main([module, folder]) {
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt')).sort();
  if (files.length === 0) throw new Fault(`no vectors in ${folder}`);
  const host = await Host.load(module);
  for (const script of WRONG) mustFail(host, 'a wrong script', script);
  let total = 0;
  for (const name of files) {
    const script = readFileSync(join(folder, name), 'latin1');
    mustFail(host, name, altered(script));
    const compared = run(host, name, script);
    console.log(`${name}: ${compared} steps`);
    total += compared;
  }
  console.log(`Node answers all ${total} steps of ${files.length} files as expected`);
}

try {
  await main(process.argv.slice(2));
} catch (fault) {
  if (!(fault instanceof Fault)) throw fault;
  console.error(`Error: ${fault.message}`);
  process.exitCode = 1;
}
