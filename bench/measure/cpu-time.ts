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
 * CPU seconds that a process and its living children have used, all threads together. NaN where there is no /proc: the
 * figures made from it are then left out rather than wrong.
 */
export function cpuSeconds(pid: number): number {
  try {
    return processTree(pid).reduce((sum, id) => sum + ticksOf(id), 0) / clockTicks();
  } catch {
    return Number.NaN;
  }
}

function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The command may hold spaces and parentheses itself: everything that is counted follows the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[userTicks]) + Number(fields[systemTicks]);
}

function processTree(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  if (children === '') return [pid];
  return [pid, ...children.split(' ').flatMap((child) => processTree(Number(child)))];
}
