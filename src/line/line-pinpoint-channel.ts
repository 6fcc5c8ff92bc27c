import { Annotations, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct, IConstruct } from 'constructs';
import { LineChannelBase, LineChannelOptions } from './line-channel-base';
import { Audience } from '../audience/audience';
import { IPinpointProject, PinpointProject } from '../audience/pinpoint-project';
import { fail } from '../shared/validation';

/** Ids of the existing projects that the channels of an app are wired to. */
const PROJECTS_IN_USE = new WeakMap<IConstruct, Set<string>>();

/** Properties of a LINE channel of an Amazon Pinpoint project. */
export interface LinePinpointChannelProps extends LineChannelOptions {
  /**
   * Id of an existing Amazon Pinpoint project, 32 hexadecimal digits. One project carries one LINE channel, since Pinpoint
   * inactivates an endpoint when another with an equal address is updated.
   *
   * @default - a project is created, and retained when the stack goes
   */
  readonly applicationId?: string;

  /**
   * Region of the existing project.
   *
   * @default - the stack's region
   */
  readonly applicationRegion?: string;

  /**
   * Name of the project that is created. Cannot be given together with `applicationId`.
   *
   * @default - made from the construct's path
   */
  readonly projectName?: string;
}

/**
 * A LINE Official Account wired to an Amazon Pinpoint project: followers become subscribers and endpoints of the project,
 * and its campaigns and journeys send through the channel's functions.
 *
 * Pinpoint's engagement features ended on 2026-10-30. Change the class name to `LineChannel` to leave Pinpoint: the
 * template then loses Pinpoint's own resources only, the webhook URL and every subscriber stay.
 *
 * @example
 * new LinePinpointChannel(this, 'Line', { applicationId: '0123456789abcdef0123456789abcdef' });
 */
export class LinePinpointChannel extends LineChannelBase {
  /** Id of the Amazon Pinpoint project. */
  public readonly applicationId: string;

  /** The Amazon Pinpoint project. */
  public readonly project: IPinpointProject;

  /**
   * @param scope the construct that owns the channel
   * @param id the id of the channel; renaming it replaces what the channel owns
   * @param props all optional
   * @throws when `applicationId` is malformed, or given together with `projectName`
   */
  constructor(scope: Construct, id: string, props: LinePinpointChannelProps = {}) {
    super(scope, id, props);
    this.project = this.createProject(props);
    this.applicationId = this.project.applicationId;
    this.addAudience('Pinpoint', Audience.pinpoint(this.project));
    this.letCampaignsSend();
    Annotations.of(this).addWarningV2('cdk-line-pinpoint:pinpointEngagementEnded',
      'Amazon Pinpoint\'s endpoints, segments, campaigns and journeys ended on 2026-10-30. Subscribers are safe in the channel\'s table; to leave Pinpoint change LinePinpointChannel to LineChannel');
  }

  private createProject(props: LinePinpointChannelProps): IPinpointProject {
    const { applicationId, applicationRegion, projectName } = props;
    if (applicationId === undefined) {
      if (applicationRegion !== undefined) {
        fail(this, `\`applicationRegion\` is the region of an existing project, got '${applicationRegion}' without \`applicationId\`: give the id, or leave the region out to have a project created in the stack's region`);
      }
      return new PinpointProject(this, 'Project', { projectName, removalPolicy: props.removalPolicy });
    }
    if (projectName !== undefined) {
      fail(this, `\`projectName\` names a project that is created, got '${projectName}' together with \`applicationId\` '${applicationId}': give one of the two`);
    }
    const inUse = PROJECTS_IN_USE.get(this.node.root) ?? new Set();
    if (inUse.has(applicationId)) {
      Annotations.of(this).addWarningV2('cdk-line-pinpoint:sharedPinpointProject',
        `the Pinpoint project '${applicationId}' carries another LINE channel already: their endpoints of one person inactivate each other. Give each channel a project of its own`);
    }
    PROJECTS_IN_USE.set(this.node.root, inUse.add(applicationId));
    return PinpointProject.fromPinpointProjectAttributes(this, 'Project', { applicationId, applicationRegion });
  }

  /**
   * Both principals appear in documents that AWS published. Source: Amazon Pinpoint, "Creating custom channels",
   * and the AWS LINE sample.
   */
  private letCampaignsSend(): void {
    const { account } = Stack.of(this);
    const { applicationArn, applicationRegion } = this.project;
    const principals: [string, string][] = [
      ['Pinpoint', 'pinpoint.amazonaws.com'],
      ['PinpointRegional', `pinpoint.${applicationRegion}.amazonaws.com`],
    ];
    for (const send of this._allSendFunctions()) {
      for (const [name, principal] of principals) {
        for (const [kind, path] of [['Campaigns', 'campaigns'], ['Journeys', 'journeys']]) {
          send.addPermission(`${name}${kind}`, {
            principal: new iam.ServicePrincipal(principal),
            sourceAccount: account,
            sourceArn: `${applicationArn}/${path}/*`,
          });
        }
      }
    }
  }
}
