import { spawnSync } from 'node:child_process';
import { Stage } from '../../simulator/stage/stage';

/** Processes that the emulator runs a function in, of those that it has now: one for each invocation at a time, also idle ones. */
export function workersOf(stage: Stage, functionName: string): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-ww', '-o', 'pid=,pgid=,args='], { encoding: 'utf8' });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, group, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    // MiniStack unpacks a function into `ministack-lambda-<name>-…` and starts Node with the path of its own script there.
    return Number(group) === stage.emulator.processGroup && command.includes(`ministack-lambda-${functionName}-`) ? [Number(pid)] : [];
  });
}

/**
 * SIGKILL for whatever of a function runs at the moment, as when Lambda's host is gone: its callers get an error.
 *
 * @returns how many processes that were
 */
export function killWorkers(stage: Stage, functionName: string): number {
  return workersOf(stage, functionName).filter((pid) => {
    try {
      return process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
      return false;
    }
  }).length;
}
