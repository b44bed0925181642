import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Fields of proc(5) `stat`, counted after the command's closing parenthesis: utime and stime. */
const userTicks = 11;
const systemTicks = 12;

let ticksPerSecond: number | undefined;

function clockTicks(): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return ticksPerSecond;
}

/**
 * CPU seconds that processes and their living children have used, over all threads. NaN without /proc, and without
 * processes: figures that depend on it are then left out.
 */
export function cpuSeconds(...pids: readonly (number | undefined)[]): number {
  try {
    const known = pids.filter((pid) => pid !== undefined);
    if (known.length === 0) return Number.NaN;
    return known.flatMap(processTree).reduce((sum, id) => sum + ticksOf(id), 0) / clockTicks();
  } catch {
    return Number.NaN;
  }
}

function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The command may contain spaces and parentheses. The fields follow the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[userTicks]) + Number(fields[systemTicks]);
}

function processTree(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  if (children === '') return [pid];
  return [pid, ...children.split(' ').flatMap((child) => processTree(Number(child)))];
}
