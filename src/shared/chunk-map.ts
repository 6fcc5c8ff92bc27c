import { Duration } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import * as tasks from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import { LASTING_ERRORS } from '../contract/campaigns';

/** Attempts of a function that failed, the first included, before the state machine gives it up. */
const MAX_ATTEMPTS = 6;

/** What differs between two steps. */
export interface FunctionStep {
  readonly function: lambda.IFunction;
  /** What the function is invoked with. @default - the state's input */
  readonly payload?: sfn.TaskInput;
  /** Where the answer goes, a JSON path. @default - it is the output */
  readonly resultPath?: string;
}

/**
 * A state that invokes a function and waits for its answer. Whatever it throws is tried again with growing pauses, since every step
 * of this library can be repeated; but not what a repeat would only find again.
 */
export function functionStep(scope: Construct, id: string, { function: lambdaFunction, payload, resultPath }: FunctionStep): tasks.LambdaInvoke {
  const step = new tasks.LambdaInvoke(scope, id, {
    lambdaFunction,
    payload,
    payloadResponseOnly: true,
    resultPath,
    retryOnServiceExceptions: false,
  });
  step.addRetry({ errors: [...LASTING_ERRORS], maxAttempts: 0 });
  step.addRetry({
    errors: [sfn.Errors.ALL],
    interval: Duration.seconds(2),
    backoffRate: 3,
    maxDelay: Duration.minutes(2),
    maxAttempts: MAX_ATTEMPTS - 1,
    jitterStrategy: sfn.JitterType.FULL,
  });
  return step;
}

/** What differs between two maps. */
export interface ChunkMapProps {
  /** Bucket that holds the list of items. */
  readonly bucket: s3.IBucket;
  /** JSON path to the key of the list, an object of JSON Lines. */
  readonly keyPath: string;
  /** Name of the map run, at most 40 characters. */
  readonly label: string;
  /** Invoked with each item. */
  readonly function: lambda.IFunction;
  /** Items that are worked on at once, at least 1. */
  readonly maxConcurrency: number;
  /** When the function is to be invoked with the item once more, after a pause. `$.answer` is what it answered. @default - never */
  readonly again?: { readonly when: sfn.Condition; readonly after: Duration };
}

/**
 * Runs a function over the items of a list in S3, side by side, each in an execution of its own. An item that fails for good holds nobody up:
 * what came of each is in the object that the function wrote for it.
 *
 * Items name chunk objects: so neither batching nor result writing of the map is needed, a retried item is the same bytes, and a list of
 * any length takes one small state. Source: AWS Step Functions, "Using Map state in Distributed mode".
 */
export function chunkMap(scope: Construct, id: string, props: ChunkMapProps): sfn.DistributedMap {
  const { bucket, keyPath, again } = props;
  const map = new sfn.DistributedMap(scope, id, {
    itemReader: new sfn.S3JsonLItemReader({ bucket, key: sfn.JsonPath.stringAt(keyPath) }),
    maxConcurrency: props.maxConcurrency,
    // The function's own objects say what failed: one item that does is not to end the others.
    toleratedFailurePercentage: 100,
    mapExecutionType: sfn.StateMachineType.STANDARD,
    label: props.label,
    resultPath: sfn.JsonPath.DISCARD,
  });
  const work = functionStep(scope, `${id}Item`, { function: props.function, resultPath: '$.answer' });
  const done = new sfn.Pass(scope, `${id}ItemDone`, { result: sfn.Result.fromObject({}) });
  work.addCatch(done, { resultPath: sfn.JsonPath.DISCARD });
  if (again) {
    const pause = new sfn.Wait(scope, `${id}ItemPause`, { time: sfn.WaitTime.duration(again.after) });
    work.next(new sfn.Choice(scope, `${id}ItemUndone`).when(again.when, pause.next(work)).otherwise(done));
  } else {
    work.next(done);
  }
  map.itemProcessor(work);
  return map;
}
