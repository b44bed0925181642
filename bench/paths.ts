import { fileURLToPath } from 'node:url';

/** This file is compiled to `bench/dist/paths.js`. Tests use it as it is. */
const up = import.meta.url.endsWith('/bench/dist/paths.js') ? '../..' : '..';
const fromRoot = (path: string): string => fileURLToPath(new URL(`${up}/${path}`, import.meta.url));

export const root = fromRoot('');
export const results = fromRoot('bench/results');
export const originProgram = fromRoot('bench/dist/servers/origin-process.js');
export const millionProgram = fromRoot('bench/dist/measure/million-process.js');
export const audienceProgram = fromRoot('bench/dist/generator/audience-process.js');
export const generatorProgram = fromRoot('bench/dist/generator/process.js');
/** What wrk runs for each request. */
export const wrkScript = fromRoot('bench/generator/load.lua');
/** The gateway's command line inside a built checkout. */
export const gatewayProgram = 'dist/cli/main.js';
