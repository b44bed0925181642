import { didYouMean, nearest } from './suggest.ts';

/** A mistake in a `${…}`, at an offset of the text. */
export interface InterpolationProblem {
  readonly offset: number;
  readonly message: string;
  readonly hint: string;
}

/**
 * Replaces `${NAME}` and `${NAME:-default}` (the default also replaces an empty variable, as in a shell). `$${` is a
 * literal `${`. Values are not expanded again: a `${` in a variable is text.
 */
export function interpolate(
  text: string,
  env: NodeJS.ProcessEnv,
): { readonly value: string; readonly problems: readonly InterpolationProblem[] } {
  if (!text.includes('${')) return { value: text, problems: [] };
  const problems: InterpolationProblem[] = [];
  const value = text.replace(
    /\$\$\{|\$\{([^{}]*)(\}?)/g,
    (written, inside: string | undefined, end, offset: number) => {
      if (inside === undefined) return '${';
      const [, name, , fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?$/s.exec(inside) ?? [];
      if (name === undefined || end === '') {
        const hint = `write \${NAME} or \${NAME:-default}; a literal "\${" is written "$\${"`;
        problems.push({ offset, message: `"${written}" is not an environment variable`, hint });
        return '';
      }
      const found = env[name];
      if (found !== undefined && (found !== '' || fallback === undefined)) return found;
      if (fallback !== undefined) return fallback;
      problems.push({ offset, message: `the environment variable ${name} is not set`, hint: unsetHint(name, env) });
      return '';
    },
  );
  return { value, problems };
}

function unsetHint(name: string, env: NodeJS.ProcessEnv): string {
  const known = Object.keys(env);
  const meant = nearest(name, known) === undefined ? '' : `${didYouMean(name, known)} Otherwise `;
  return `${meant}set it or give a default: \${${name}:-…}`;
}
