import { campaignCost, totalUsd } from './campaign-cost';
import { CampaignPreview, FrozenChunk, FrozenRecipients } from '../../contract/campaigns';
import { ChunkLine, ChunkPreview } from '../../contract/chunk-send';
import { MULTICAST_MAX_RECIPIENTS } from '../../contract/limits';

/** People of each treatment whose messages a dry run shows. */
export const PREVIEW_PEOPLE = 5;

/** The first chunk of each treatment, in the index's order: its people are shown. */
export function chunksToPreview(index: readonly FrozenChunk[]): readonly FrozenChunk[] {
  const first = new Map<string, FrozenChunk>();
  index.filter(({ people }) => people > 0).forEach((chunk) => first.set(chunk.treatment, first.get(chunk.treatment) ?? chunk));
  return [...first.values()];
}

/** What a dry run found. */
export function previewOf(
  recipients: FrozenRecipients, index: readonly FrozenChunk[], treatments: CampaignPreview['treatments'],
): CampaignPreview {
  // Each chunk is sent by itself.
  const requests = index.reduce((sum, { people }) => sum + Math.ceil(people / MULTICAST_MAX_RECIPIENTS), 0);
  return {
    recipients,
    treatments,
    cost: {
      // LINE bills each person of a request once, however many message objects it has. Source: LINE, "Messaging API pricing".
      messages: recipients.recipients,
      requests,
      awsUsd: totalUsd(campaignCost({ recipients: recipients.recipients, chunks: index.length, batches: requests })),
    },
  };
}

/**
 * What can be shown of a channel that takes no chunks, and so cannot be asked without being made to send: who would be sent to.
 *
 * @param lines of a chunk
 */
export function previewOfPeople(lines: readonly string[]): ChunkPreview {
  return { people: lines.slice(0, PREVIEW_PEOPLE).map((line) => ({ id: (JSON.parse(line) as ChunkLine).id })) };
}

/** That the month's quota does not suffice, for the operator; undefined when it does, or nobody knows. */
export function quotaProblemOf({ recipients: { recipients }, treatments }: Pick<CampaignPreview, 'recipients' | 'treatments'>): string | undefined {
  const remaining = Math.min(...Object.values(treatments).map(({ quota }) => quota?.remaining ?? Infinity));
  return recipients > remaining
    ? `the channel's quota of the month leaves ${remaining} messages, and ${recipients} people are to be sent to: raise it, or write to fewer people` : undefined;
}

/** What is wrong in a preview, for the operator; empty when nothing is. */
export function problemsOf({ treatments }: Pick<CampaignPreview, 'treatments'>): readonly string[] {
  return Object.entries(treatments).flatMap(([name, { problem }]) => (problem ? [`treatment ${name}: ${problem.code}: ${problem.message}`] : []));
}
