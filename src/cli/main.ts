#!/usr/bin/env node
import { processIo } from './io.ts';
import { main } from './program.ts';

/** How long what a library left open may keep a process that is done. */
const EXIT_GRACE_MS = 1000;

process.exitCode = await main(process.argv.slice(2), processIo());
setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
