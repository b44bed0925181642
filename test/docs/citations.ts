import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, posix } from 'node:path';
import { settings } from '../../src/config/reference.ts';

const root = new URL('../../', import.meta.url);

/** What is installed, built or measured is not ours to cite. */
const notOurs = new Set(['node_modules', 'dist', '.git', 'results']);

/** Files that texts speak of and that are not in the repository: a user's, what a build makes, what must never be. */
const elsewhere =
  /^(?:PWD\/)?(?:\.\/)?(?:gateway|spec)\.yaml$|^\.\/settings\.schema\.json$|^db\.json$|^(?:\.{1,2}\/)*dist\/|^utils\.ts$|^bench\/results$/;

export interface Repository {
  /** Paths of files, from the root. */
  readonly files: readonly string[];
  readonly folders: ReadonlySet<string>;
  textOf(file: string): string;
  /** Names of the scripts of package.json. */
  readonly scripts: ReadonlySet<string>;
}

export function readRepository(): Repository {
  const files: string[] = [];
  const folders = new Set<string>();
  const walk = (folder: string): void => {
    for (const entry of readdirSync(new URL(folder === '' ? './' : `${folder}/`, root), { withFileTypes: true })) {
      if (notOurs.has(entry.name)) continue;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        folders.add(path);
        walk(path);
      } else if (entry.isFile()) files.push(path);
    }
  };
  walk('');
  const textOf = (file: string): string => readFileSync(new URL(file, root), 'utf8');
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(textOf('package.json'));
  return { files, folders, textOf, scripts: new Set(Object.keys(scripts)) };
}

/** The files that people read. */
export const isRead = (file: string): boolean =>
  ['.md', '.ts', '.mjs', '.js', '.yaml'].includes(extname(file)) || file === 'Dockerfile' || file === '.ci/run';

/** What a text cites and is not there. */
export function faultsOf(file: string, text: string, repository: Repository): string[] {
  const isDocument = file.endsWith('.md');
  const prose = isDocument ? text : commentsOf(file, text);
  return [
    ...(isDocument ? brokenLinks(file, text, repository) : []),
    ...missingFiles(prose, repository),
    ...missingSections(prose, repository),
    ...missingTests(prose, repository),
    ...missingScripts(prose, repository),
    ...(isDocument ? unknownSettings(text) : []),
  ];
}

function commentsOf(file: string, text: string): string {
  const isCode = ['.ts', '.mjs', '.js'].includes(extname(file));
  const comment = isCode ? /(?<![\w'"`/*])\/\*[\s\S]*?\*\/|(?<![:'"`\w])\/\/[^\n]*/g : /(?:^|\s)#[^\n]*/g;
  // A citation may go on in the next line.
  return [...text.matchAll(comment)].map(([found]) => found.replaceAll(/\n\s*\* ?/g, ' ')).join('\n');
}

function brokenLinks(file: string, text: string, repository: Repository): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^[a-z]+:/.test(link)) return [];
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? file : posix.normalize(posix.join(posix.dirname(file), path)).replace(/\/$/, '');
    if (!repository.files.includes(target) && !repository.folders.has(target)) return [`link to ${link}`];
    if (anchor === undefined || headingsOf(repository.textOf(target)).some((heading) => slugOf(heading) === anchor))
      return [];
    return [`link to ${link}: no such heading`];
  });
}

const headingsOf = (text: string): string[] => [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);

/** As GitHub makes anchors of headings. */
function slugOf(heading: string): string {
  const plain = heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '');
  return plain.trim().replaceAll(/\s/g, '-');
}

const FILE = /(?<![\w/.:@<*{}$-])(?=[\w.])(?:[\w./-]|\{[\w.,-]+\})+\.(?:ts|mjs|md|yaml|json)(?![\w/(])/g;
const FOLDER = /(?<![\w/.:@<*-])(?:src|test|docs|demo|bench|scripts|rules)(?:\/[\w-]+)*\/(?![\w{*])/g;

function missingFiles(prose: string, { files, folders }: Repository): string[] {
  const cited = [...prose.matchAll(FILE)].flatMap(([name]) => expanded(name));
  const missing = cited.filter((name) => {
    // The package has the folders of the repository.
    const path = name.replace(/^(?:\.{1,2}\/)+|^node_modules\/unstale\//, '');
    return !elsewhere.test(name) && !files.some((file) => file === path || file.endsWith(`/${path}`));
  });
  const lost = [...prose.matchAll(FOLDER)].map(([name]) => name.replace(/\/$/, ''));
  return [...missing, ...lost.filter((name) => !folders.has(name) && !elsewhere.test(name))].map(
    (name) => `file ${name}`,
  );
}

/** A name with `{b,c}` is two names. */
function expanded(name: string): string[] {
  const [, before = '', choices, after = ''] = /^([^{]*)\{([^}]*)\}(.*)$/.exec(name) ?? [];
  return choices === undefined ? [name] : choices.split(',').map((choice) => `${before}${choice}${after}`);
}

/** A document with a heading in quotation marks, and the numbered invariants of docs/coherence.md. */
function missingSections(prose: string, repository: Repository): string[] {
  const named = [...prose.matchAll(/([\w./-]+\.md), "([^"\n]+)"/g)].flatMap(([, name = '', heading = '']) => {
    const document = repository.files.find((file) => file === name || file.endsWith(`/${name}`));
    const found = document !== undefined && headingsOf(repository.textOf(document)).includes(heading);
    return found ? [] : [`${name}, section "${heading}"`];
  });
  const promised = invariantsOf(repository);
  const numbered = [...prose.matchAll(/\binvariants? (\d+)\b/gi)].flatMap(([, number]) =>
    promised.has(Number(number)) ? [] : [`invariant ${number}`],
  );
  return [...named, ...numbered];
}

/** Number of an invariant → what docs/coherence.md says of it. */
export function invariantsOf({ textOf }: Repository): ReadonlyMap<number, string> {
  const text = textOf('docs/coherence.md');
  const parts = text.split(/^### (?=\d+\. )/m).slice(1);
  return new Map(parts.map((part) => [Number.parseInt(part, 10), part.split(/^##/m)[0] ?? '']));
}

/** A test file with words in quotation marks: they stand there. */
function missingTests(prose: string, repository: Repository): string[] {
  return [...prose.matchAll(/([\w./-]+\.test\.ts)`?, "([^"\n]+)"/g)].flatMap(([, name = '', title = '']) => {
    const file = repository.files.find((each) => each === name || each.endsWith(`/${name}`));
    return file !== undefined && !repository.textOf(file).includes(title) ? [`${name}, test "${title}"`] : [];
  });
}

function missingScripts(prose: string, { scripts }: Repository): string[] {
  return [...prose.matchAll(/\bnpm run ([\w-]+(?::[\w-]+)*)/g)].flatMap(([, name = '']) =>
    scripts.has(name) ? [] : [`npm run ${name}`],
  );
}

const known = settings().map(({ key }) => key.replaceAll('[]', ''));
const sections = new Set(known.flatMap((key) => key.split('.').slice(0, -1)).filter((name) => /^\w+$/.test(name)));

/** Types of events that look like settings. */
const events = new Set(['origin.down', 'origin.up']);

/** In backticks: `store.redis.url`, or the end of a key, `cache.ttl`. */
function unknownSettings(text: string): string[] {
  return [...text.matchAll(/`([a-z]\w*(?:\.\w+)+)`/g)].flatMap(([, key = '']) => {
    if (events.has(key) || !sections.has(key.split('.')[0] ?? '') || existsSync(new URL(key, root))) return [];
    if (/\.(?:ts|md|yaml|json|mjs)$/.test(key)) return [];
    return known.some((each) => each === key || each.endsWith(`.${key}`)) ? [] : [`setting ${key}`];
  });
}
