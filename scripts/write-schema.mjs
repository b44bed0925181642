// Writes the JSON Schema of the configuration, for editors, beside the compiled code that it is made of.
import { writeFile } from 'node:fs/promises';
import { configJsonSchema } from '../dist/config/json-schema.js';

const file = new URL('../dist/unstale.schema.json', import.meta.url);
await writeFile(file, `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
