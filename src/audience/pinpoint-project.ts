import { ArnFormat, IResource, Names, RemovalPolicy, Resource, Stack } from 'aws-cdk-lib';
import * as pinpoint from 'aws-cdk-lib/aws-pinpoint';
import { Construct } from 'constructs';
import { checkPattern } from '../shared/validation';

/** An Amazon Pinpoint project, here or deployed elsewhere. */
export interface IPinpointProject extends IResource {
  /** Id of the project, 32 hexadecimal digits. */
  readonly applicationId: string;
  /** ARN of the project, `arn:<partition>:mobiletargeting:<region>:<account>:apps/<id>`. */
  readonly applicationArn: string;
  /** Region of the project. */
  readonly applicationRegion: string;
}

/** Properties of a new Amazon Pinpoint project. */
export interface PinpointProjectProps {
  /**
   * Name of the project as the console shows it.
   *
   * @default - made from the construct's path
   */
  readonly projectName?: string;

  /**
   * What happens to the project when it leaves the stack.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
}

/** What names an Amazon Pinpoint project that exists already. */
export interface PinpointProjectAttributes {
  /** Id of the project, 32 hexadecimal digits. */
  readonly applicationId: string;

  /**
   * Region of the project.
   *
   * @default - the stack's region
   */
  readonly applicationRegion?: string;
}

/**
 * An Amazon Pinpoint project. Pinpoint's endpoints, segments, campaigns and journeys ended on 2026-10-30; a project made
 * today serves push, one-time passwords and whatever stands in for the engagement API.
 */
export class PinpointProject extends Resource implements IPinpointProject {
  /**
   * Refers to a project that exists already.
   *
   * @param scope the construct that refers to it
   * @param id the id of the reference
   * @param attrs what names the project
   * @throws when `applicationId` is not 32 hexadecimal digits
   */
  public static fromPinpointProjectAttributes(scope: Construct, id: string, attrs: PinpointProjectAttributes): IPinpointProject {
    checkPattern(scope, 'applicationId', attrs.applicationId, /^[0-9a-f]{32}$/, 'the 32 hexadecimal digits of a Pinpoint project id, as `aws pinpoint get-apps` shows it');
    checkPattern(scope, 'applicationRegion', attrs.applicationRegion, /^[a-z]{2}(-[a-z]+)+-\d$/, 'an AWS region such as us-east-1');
    class Import extends Resource implements IPinpointProject {
      public readonly applicationId = attrs.applicationId;
      public readonly applicationRegion = attrs.applicationRegion ?? Stack.of(scope).region;
      public readonly applicationArn = projectArn(scope, this.applicationId, this.applicationRegion);
    }
    return new Import(scope, id);
  }

  public readonly applicationId: string;
  public readonly applicationArn: string;
  public readonly applicationRegion: string;

  constructor(scope: Construct, id: string, props: PinpointProjectProps = {}) {
    super(scope, id);
    checkPattern(this, 'projectName', props.projectName, /\S/, 'a name that is not blank');
    const app = new pinpoint.CfnApp(this, 'Resource', {
      name: props.projectName ?? Names.uniqueResourceName(this, { maxLength: 64, separator: '-' }),
    });
    app.applyRemovalPolicy(props.removalPolicy ?? RemovalPolicy.RETAIN);
    this.applicationId = app.ref;
    this.applicationArn = app.attrArn;
    this.applicationRegion = Stack.of(this).region;
  }
}

function projectArn(scope: Construct, applicationId: string, region: string): string {
  return Stack.of(scope).formatArn({ service: 'mobiletargeting', region, resource: 'apps', resourceName: applicationId, arnFormat: ArnFormat.SLASH_RESOURCE_NAME });
}
