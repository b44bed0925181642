/*
 * A run of the journal in a process of its own. Writes are answered on stdout once the journal has them, as a gateway's
 * are: `journal-process.mjs <folder>`.
 */
import { writeSync } from 'node:fs';
import { FileJournal } from '../../src/snapshot/journal.ts';

const [folder = ''] = process.argv.slice(2);
const say = (text) => writeSync(1, `${text}\n`);
const covering = (path) => ({ tags: new Set([`p:${path}`]), patterns: [], tagPatterns: [] });

const journal = FileJournal.open(folder, { failed: (error) => say(`failed ${error}`) });
const write = (path) => {
  journal.append(covering(path));
  say(`answered ${path}`);
};
say('serves');
write('/a');
const segment = journal.rotate();
write('/b');
// A snapshot that was begun at the rotation is in place.
say(`snapshot ${segment}`);
journal.release(segment);
write('/c');
journal.rotate();
write('/d');
journal.end();
say('ended');
