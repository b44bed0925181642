#!/usr/bin/env node
import { processIo } from './io.ts';
import { main } from './program.ts';

/** How long handles that a library left open may keep a finished process alive. */
const EXIT_GRACE_MS = 1000;

process.exitCode = await main(process.argv.slice(2), processIo());
setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
