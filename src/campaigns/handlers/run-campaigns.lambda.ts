import type { Context } from 'aws-lambda';
import { CampaignExecution, PackAnswer, PlanAnswer, PlanInput, ReadPart, ReadPartResult } from '../../contract/campaigns';
import { packRecipients } from '../../domain/campaigns/pack-recipients';
import { planRecipients } from '../../domain/campaigns/plan-recipients';
import { readRecipients } from '../../domain/campaigns/read-recipients';
import { packFromEnvironment, planFromEnvironment, readFromEnvironment } from '../../runtime/freeze-recipients-from-environment';
import { prepared } from '../../runtime/prepared';

const forPlan = prepared('plan', planFromEnvironment);
const forRead = prepared('read', readFromEnvironment);
const forPack = prepared('pack', packFromEnvironment);

/** Begins an execution: plans what is to be read for the recipients of a run, unless they are frozen. */
export const plan = async (event: PlanInput): Promise<PlanAnswer> => {
  const dependencies = forPlan();
  try {
    return await planRecipients(event, dependencies);
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
