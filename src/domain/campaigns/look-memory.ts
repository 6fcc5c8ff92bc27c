import { CampaignObjects } from './campaign-objects';
import { LookMemory, OpenChunks, openOf } from './next-step';
import { CampaignRun, runKey } from '../../contract/campaigns';

/** What the looks of a run are known by. */
type LookedAt = Pick<CampaignRun, 'runId' | 'generation' | 'looks'>;

/** Key of what a look leaves to the next one. */
export function memoryKey(runId: string, generation: number, look: number): string {
  return runKey(runId, `looks/${generation}-${look}.json`);
}

/** What the last look of a run left; undefined when it was not one of this generation. */
export async function readMemory({ runId, looks }: LookedAt, generation: number, objects: CampaignObjects): Promise<LookMemory | undefined> {
  const text = looks === 0 ? undefined : await objects.read(memoryKey(runId, generation, looks));
  return text === undefined ? undefined : JSON.parse(text);
}

/** What the last look of a run left, of whichever generation: looks are numbered through. */
export async function lastMemory(run: LookedAt, objects: CampaignObjects): Promise<LookMemory | undefined> {
  for (let generation = run.generation; generation > 0; generation--) {
    const memory = await readMemory(run, generation, objects);
    if (memory) {
      return memory;
    }
  }
  return undefined;
}

/**
 * Names of the chunks of a run that were sent and were not seen to come back, so that their results may say too little.
 *
 * @returns undefined when nobody can know any more
 */
export async function openChunks(run: LookedAt, objects: CampaignObjects): Promise<OpenChunks | undefined> {
  if (run.looks === 0) {
    return {};
  }
  const memory = await lastMemory(run, objects);
  return memory && openOf(memory);
}
