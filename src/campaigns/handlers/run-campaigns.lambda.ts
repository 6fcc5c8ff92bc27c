import type { Context } from 'aws-lambda';
import { CampaignExecution, LookAnswer, LookInput, PackAnswer, PlanAnswer, PlanStepInput, ReadPart, ReadPartResult } from '../../contract/campaigns';
import { ChunkSendEvent, ChunkSendResult } from '../../contract/chunk-send';
import { collectStatistics } from '../../domain/campaigns/collect-statistics';
import { ControlAnswer, control as answerTo } from '../../domain/campaigns/control-campaigns';
import { lookAtRun } from '../../domain/campaigns/look-at-run';
import { packRecipients } from '../../domain/campaigns/pack-recipients';
import { planRecipients } from '../../domain/campaigns/plan-recipients';
import { readRecipients } from '../../domain/campaigns/read-recipients';
import { sendMaps as sendChunkAsMaps } from '../../domain/campaigns/send-maps';
import { droppedFileOf, startFromFile } from '../../domain/campaigns/start-from-file';
import { WatchReport, watchRuns } from '../../domain/campaigns/watch-runs';
import { controlFromEnvironment, watchFromEnvironment } from '../../runtime/control-from-environment';
import { packFromEnvironment, planFromEnvironment, readFromEnvironment } from '../../runtime/freeze-recipients-from-environment';
import { lookFromEnvironment } from '../../runtime/look-from-environment';
import { prepared } from '../../runtime/prepared';
import { sendMapsFromEnvironment } from '../../runtime/send-maps-from-environment';

const forControl = prepared('control', controlFromEnvironment);
const forWatch = prepared('watch', watchFromEnvironment);
const forPlan = prepared('plan', planFromEnvironment);
const forRead = prepared('read', readFromEnvironment);
const forPack = prepared('pack', packFromEnvironment);
const forLook = prepared('look', lookFromEnvironment);
const forSendMaps = prepared('sendMaps', sendMapsFromEnvironment);

/** Starts campaigns, from an input or from a dropped file, and does whatever else is asked of the runner. */
export const control = async (event: unknown, context: Context): Promise<ControlAnswer | undefined> => {
  const { telemetry, of } = forControl();
  try {
    const dependencies = of({ requestId: context.awsRequestId, functionArn: context.invokedFunctionArn });
    const file = droppedFileOf(event);
    return await (file ? startFromFile(file, dependencies) : answerTo(event, dependencies));
  } finally {
    telemetry.flush();
  }
};

/** Looks after runs that nobody works on any more or, as the task `statistics`, collects what the channel counted. */
export const watch = async (event: { readonly task?: string }, context: Context): Promise<WatchReport | { readonly collected: number }> => {
  const dependencies = { ...forWatch(), remainingMs: () => context.getRemainingTimeInMillis() };
  try {
    return event.task === 'statistics' ? { collected: await collectStatistics(dependencies) } : await watchRuns(dependencies);
  } finally {
    dependencies.telemetry.flush();
  }
};

/** Begins an execution: plans what is to be read for the recipients of a run, unless they are frozen. */
export const plan = async (event: PlanStepInput): Promise<PlanAnswer> => {
  const dependencies = forPlan();
  try {
    return await planRecipients({ ...event, sources: JSON.parse(event.sources) }, dependencies);
  } finally {
    dependencies.telemetry.flush();
  }
};

/** Reads a part of the recipients. */
export const read = async (event: ReadPart, context: Context): Promise<ReadPartResult> => {
  const dependencies = forRead();
  try {
    return await readRecipients(event, context.awsRequestId, dependencies);
  } finally {
    dependencies.telemetry.flush();
  }
};

/** Packs the recipients that were read into chunks. */
export const pack = async (event: CampaignExecution, context: Context): Promise<PackAnswer> => {
  const dependencies = forPack();
  try {
    return await packRecipients(event, { ...dependencies, remainingMs: () => context.getRemainingTimeInMillis() });
  } finally {
    dependencies.telemetry.flush();
  }
};

/** Looks at what became of a run and decides how it goes on. */
export const look = async (event: LookInput): Promise<LookAnswer> => {
  const dependencies = forLook();
  try {
    return await lookAtRun(event, dependencies);
  } finally {
    dependencies.telemetry.flush();
  }
};

/** Sends a chunk through a channel that takes no chunks, but maps of endpoints. */
export const sendMaps = async (event: ChunkSendEvent, context: Context): Promise<ChunkSendResult> => {
  const dependencies = forSendMaps();
  try {
    return await sendChunkAsMaps(event, { requestId: context.awsRequestId, deadline: Date.now() + context.getRemainingTimeInMillis() }, dependencies);
  } finally {
    dependencies.telemetry.flush();
  }
};
