import { CALL_TIMEOUT_MS } from './attempt-calls';
import { Addressee, Composition, ContentComposer } from './compose-content';
import { ContentError } from './content-error';
import { EventBatch } from './custom-channel-event';
import { Quota } from './quota';
import { SendBatchDependencies } from './send-batch';
import { ContentValidity } from './validate-content';
import { ChunkPreview } from '../../contract/chunk-send';
import { BatchExclusion } from '../../contract/send-journal';

/** Most people of a preview: what they get may be large, and the answer is one of Lambda's. */
export const MAX_PREVIEW_PEOPLE = 50;

type Person = ChunkPreview['people'][number];

/**
 * What people would get, as the content, the templates, the media and the subscriber table are now. Nothing is sent or written
 * down; LINE is asked what it thinks of a content that is the same for everybody, and for the month's quota.
 *
 * @param ids of the people, in the chunk's order
 * @throws what tables and buckets throw
 */
export async function previewChunk(
  ids: readonly string[], batches: readonly EventBatch[], composer: ContentComposer, { subscriptions, quota, validate }: Pick<SendBatchDependencies, 'subscriptions' | 'quota' | 'validate'>,
): Promise<ChunkPreview> {
  const candidates = batches.flatMap((batch) => batch.candidates);
  const [reasons, left] = await Promise.all([
    candidates.length === 0 ? new Map<string, never>() : subscriptions.exclusions(candidates.map(({ to }) => to)),
    quota(CALL_TIMEOUT_MS),
  ]);
  const allowed = candidates.filter(({ to }) => !reasons.has(to));
  const composition = await composer.compose(allowed);
  const refusal = composition instanceof ContentError ? composition : await refusedByLine(composition, validate);
  const excluded: readonly Pick<BatchExclusion, 'id' | 'code'>[] = [
    ...batches.flatMap((batch) => batch.excluded),
    ...candidates.flatMap(({ id, to }) => (reasons.has(to) ? [{ id, code: reasons.get(to)! }] : [])),
  ];
  const described = new Map<string, Person>([
    ...excluded.map(({ id, code }): [string, Person] => [id, { id, code }]),
    ...peopleOfContent(composition, allowed),
  ]);
  return {
    people: ids.map((id) => described.get(id)!),
    ...(refusal && { problem: { code: refusal.code, message: refusal.message } }),
    ...(left?.used !== undefined && { quota: quotaOf(left, left.used) }),
  };
}

function peopleOfContent(composition: Composition | ContentError, allowed: readonly Addressee[]): [string, Person][] {
  if (composition instanceof ContentError) {
    return allowed.map(({ id }) => [id, { id, code: composition.code }]);
  }
  return [
    ...composition.calls.flatMap(({ content, recipients }) => {
      const { messages } = JSON.parse(`{${content}}`) as { messages: unknown[] };
      return recipients.map(({ id }): [string, Person] => [id, { id, messages }]);
    }),
    ...composition.excluded.map(({ id, code }): [string, Person] => [id, { id, code }]),
  ];
}

/** What LINE refuses of the contents that are the same for everybody. */
async function refusedByLine({ toValidate }: Composition, validate: SendBatchDependencies['validate']): Promise<Exclude<ContentValidity, string> | undefined> {
  const verdicts = await Promise.all(toValidate.map(async ({ body }) => validate(body, CALL_TIMEOUT_MS)));
  return verdicts.find((verdict) => typeof verdict !== 'string');
}

function quotaOf({ quota, remaining }: Quota, used: number): ChunkPreview['quota'] {
  return { used, ...(quota !== undefined && { limit: quota }), ...(remaining !== undefined && { remaining }) };
}
