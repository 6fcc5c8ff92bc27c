import { Stack } from 'aws-cdk-lib';
import { LineChannel, LinePinpointChannel } from '../src';
import { logicalIds, RECOMMENDED_FLAGS, templateOf } from './support/template';

/**
 * Logical ids of the default stacks. CloudFormation replaces a resource whose logical id changes, and what is replaced
 * loses followers, media or the webhook URL: a change of a line is a breaking change and belongs into the release notes.
 */

/** A `LineChannel` called `Line` in a stack called `Stack`. */
const LINE_CHANNEL = [
  'LineBus704D2157',
  'LineMediaAudioBucket5D26C397',
  'LineMediaAudioBucketPolicy2AA7FE04',
  'LineMediaCachePolicy81AE2CFC',
  'LineMediaDistribution3D924BCB',
  'LineMediaImageBucketE03CE851',
  'LineMediaImageBucketPolicy73EFFF90',
  'LineMediaMediaPathB6ACE9CE',
  'LineMediaOriginAccessControl05D40D7A',
  'LineMediaVideoBucketB790AF15',
  'LineMediaVideoBucketPolicy6AC59FFB',
  'LineSecret8509A2C0',
  'LineSenderAudio0F3B5C4D',
  'LineSenderAudioEventInvokeConfig1FE46DC6',
  'LineSenderAudioLogsCF92F338',
  'LineSenderAudioRole9193F84E',
  'LineSenderAudioRoleDefaultPolicy1EE2908A',
  'LineSenderFailures5F8D9E4A',
  'LineSenderFailuresAlarmABC6CF0A',
  'LineSenderFailuresPolicy3394FD23',
  'LineSenderImage0F083F64',
  'LineSenderImageEventInvokeConfig3AFD54B7',
  'LineSenderImageLogs3B7A8690',
  'LineSenderImageRole7285FA6A',
  'LineSenderImageRoleDefaultPolicy5EAE8FC6',
  'LineSenderJournal7DBC4230',
  'LineSenderTextCFFB9168',
  'LineSenderTextEventInvokeConfig5319516F',
  'LineSenderTextLogs18EF9086',
  'LineSenderTextRole57854A38',
  'LineSenderTextRoleDefaultPolicy377492FB',
  'LineSenderVideo50A76A64',
  'LineSenderVideoEventInvokeConfigAD2EE710',
  'LineSenderVideoLogs46C58DA1',
  'LineSenderVideoRoleD30FB05A',
  'LineSenderVideoRoleDefaultPolicy5F3ACE12',
  'LineSetUp6AF5D2F4',
  'LineSetUpLogsF3E250AD',
  'LineSetUpRole9E883017',
  'LineSetUpRoleDefaultPolicy19F65268',
  'LineSubscribers6B11C320',
  'LineWebhookAccessApi486391E1',
  'LineWebhookAccessApiDeployment0930EFC1<hash>',
  'LineWebhookAccessApiDeploymentStageprodFC2AAD5C',
  'LineWebhookAccessApiwebhookD975B5B3',
  'LineWebhookAccessApiwebhookPOST3B01C136',
  'LineWebhookAccessApiwebhookPOSTApiPermissionStackLineWebhookAccessApiEBA0D712POSTwebhookCB7629D1',
  'LineWebhookProfile48C6A763',
  'LineWebhookProfileLogsC9879B11',
  'LineWebhookProfileRole49F66150',
  'LineWebhookProfileRoleDefaultPolicyD3C90266',
  'LineWebhookProfileSqsEventSourceStackLineWebhookProfilesEEA17142342176FB',
  'LineWebhookProfiles4376F337',
  'LineWebhookProfilesDeadLettersA5723FBA',
  'LineWebhookProfilesDeadLettersAlarm1DB8AA4C',
  'LineWebhookProfilesDeadLettersPolicyF56DE37F',
  'LineWebhookProfilesPolicy9D4F4A9C',
  'LineWebhookQueue894F751B',
  'LineWebhookQueueDeadLettersAFF70312',
  'LineWebhookQueueDeadLettersAlarm7558DDD8',
  'LineWebhookQueueDeadLettersPolicyB0029B06',
  'LineWebhookQueuePolicy4A2CBF56',
  'LineWebhookReceiver38610A55',
  'LineWebhookReceiverLogsF712C57C',
  'LineWebhookReceiverRole9F419F4A',
  'LineWebhookReceiverRoleDefaultPolicy939B6EC2',
  'LineWebhookWorker741A22DF',
  'LineWebhookWorkerLogsC33677C8',
  'LineWebhookWorkerRoleDefaultPolicy988763EF',
  'LineWebhookWorkerRoleEA1EB5AC',
  'LineWebhookWorkerSqsEventSourceStackLineWebhookQueue2BAC1113B86E6B73',
];

/** What a `LinePinpointChannel` has in addition, and loses when it becomes a `LineChannel`. */
const PINPOINT = [
  'LineAudiencesPinpointFunctionEDD09F4F',
  'LineAudiencesPinpointFunctionLogs18F7B19B',
  'LineAudiencesPinpointFunctionRole1037B324',
  'LineAudiencesPinpointFunctionRoleDefaultPolicy1C2E9A64',
  'LineAudiencesPinpointFunctionSqsEventSourceStackLineAudiencesPinpointQueue0EA7AB2674940D88',
  'LineAudiencesPinpointQueue04CDCD1A',
  'LineAudiencesPinpointQueueDeadLetters18819E7B',
  'LineAudiencesPinpointQueueDeadLettersAlarm8C0251D9',
  'LineAudiencesPinpointQueueDeadLettersPolicy4DB2C131',
  'LineAudiencesPinpointQueuePolicy76E80E44',
  'LineAudiencesPublisher456321F0',
  'LineAudiencesPublisherDeadLetters71A2D682',
  'LineAudiencesPublisherDeadLettersAlarm2E36F538',
  'LineAudiencesPublisherDeadLettersPolicyF82E99F0',
  'LineAudiencesPublisherLogsA4F300FC',
  'LineAudiencesPublisherRoleDefaultPolicy7D109305',
  'LineAudiencesPublisherRoleE1736B56',
  'LineAudiencesPublisherSubscribersAA1A49C5',
  'LineProject653F6189',
  'LineSenderAudioPinpointCampaignsB9DD951F',
  'LineSenderAudioPinpointJourneysF0BC81C3',
  'LineSenderAudioPinpointRegionalCampaigns71A7CD35',
  'LineSenderAudioPinpointRegionalJourneysD2D70AE8',
  'LineSenderImagePinpointCampaigns025F0312',
  'LineSenderImagePinpointJourneysCE05FF96',
  'LineSenderImagePinpointRegionalCampaignsDF54440E',
  'LineSenderImagePinpointRegionalJourneysB03DB568',
  'LineSenderTextPinpointCampaigns0F3A3CA1',
  'LineSenderTextPinpointJourneysB326CAA9',
  'LineSenderTextPinpointRegionalCampaigns3ACEC662',
  'LineSenderTextPinpointRegionalJourneysF9FC5A03',
  'LineSenderVideoPinpointCampaigns79F8C745',
  'LineSenderVideoPinpointJourneys25E5634F',
  'LineSenderVideoPinpointRegionalCampaignsCAD35E24',
  'LineSenderVideoPinpointRegionalJourneys403EFA18',
];

describe.each([['without feature flags', {}], ['with the feature flags of a new project', RECOMMENDED_FLAGS]])('%s', (_name, flags) => {
  test('the logical ids of a LineChannel are these', () => {
    expect(logicalIds(templateOf((stack: Stack) => new LineChannel(stack, 'Line'), {}, flags))).toEqual(LINE_CHANNEL);
  });

  test('the logical ids of a LinePinpointChannel are the same and these', () => {
    expect(logicalIds(templateOf((stack: Stack) => new LinePinpointChannel(stack, 'Line'), {}, flags))).toEqual([...LINE_CHANNEL, ...PINPOINT].sort());
  });
});
