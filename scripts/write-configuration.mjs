// Writes docs/configuration.md from the schema of the configuration. A test notices when the two differ.
import { mkdir, writeFile } from 'node:fs/promises';
import { configurationReference } from '../dist/config/reference.js';

const file = new URL('../docs/configuration.md', import.meta.url);
await mkdir(new URL('.', file), { recursive: true });
await writeFile(file, configurationReference());
