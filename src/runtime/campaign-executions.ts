import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { CampaignExecution } from '../contract/campaigns';
import { Executions } from '../domain/campaigns/begin-run';

/**
 * Executions of a runner's state machine, named by run and generation, so that each is begun once. Needs `states:StartExecution` on the
 * machine and `states:DescribeExecution` on its executions. Throws what AWS Step Functions throws.
 */
export class CampaignExecutions implements Executions {
  constructor(private readonly client: SFNClient, private readonly stateMachineArn: string) {}

  public async start(runId: string, generation: number): Promise<void> {
    const input: CampaignExecution = { runId, generation };
    try {
      await this.client.send(new StartExecutionCommand({
        stateMachineArn: this.stateMachineArn, name: executionName(runId, generation), input: JSON.stringify(input),
      }));
    } catch (error) {
      if ((error as Error).name !== 'ExecutionAlreadyExists') {
        throw error;
      }
    }
  }

  public async status(runId: string, generation: number): Promise<'RUNNING' | 'ENDED' | 'NONE'> {
    // Source: AWS Service Authorization Reference, "Resource types defined by AWS Step Functions".
    const executionArn = `${this.stateMachineArn.replace(':stateMachine:', ':execution:')}:${executionName(runId, generation)}`;
    try {
      // Input and output may be encrypted with a key that this function need not use.
      const { status } = await this.client.send(new DescribeExecutionCommand({ executionArn, includedData: 'METADATA_ONLY' }));
      return status === 'RUNNING' || status === 'PENDING_REDRIVE' ? 'RUNNING' : 'ENDED';
    } catch (error) {
      if ((error as Error).name === 'ExecutionDoesNotExist') {
        return 'NONE';
      }
      throw error;
    }
  }
}

/** At most 80 of the characters that names may have. Source: AWS Step Functions API reference, "StartExecution", `name`. */
function executionName(runId: string, generation: number): string {
  return `${runId}-${generation}`;
}
