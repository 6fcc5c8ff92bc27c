import { CfnParameter, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { IWebhookAccess, LineChannel, WebhookAccess } from '../../src';
import { messageOf, only, rendered, resources, testStack } from '../support/template';

const WEB_ACL = 'arn:aws:wafv2:us-east-1:123456789012:regional/webacl/line/0123';

interface Bound {
  readonly stack: Stack;
  readonly template: Template;
  readonly url: string;
}

/** The access in front of a function called `Receiver`. */
function bound(access: (stack: Stack) => IWebhookAccess, stack = testStack()): Bound {
  const { webhookUrl } = access(stack).bind(new Construct(stack, 'Access'), { handler: receiverIn(stack) });
  return { stack, template: Template.fromStack(stack), url: rendered(stack.resolve(webhookUrl)) };
}

function receiverIn(stack: Stack): lambda.Function {
  return new lambda.Function(stack, 'Receiver', { runtime: lambda.Runtime.NODEJS_LATEST, handler: 'index.handler', code: lambda.Code.fromInline('code') });
}

function domainIn(stack: Stack) {
  return { domainName: 'line.example.com', certificate: acm.Certificate.fromCertificateArn(stack, 'Certificate', 'arn:aws:acm:us-east-1:123456789012:certificate/0123') };
}

/** Properties of what may invoke the receiver. */
function permissions(template: Template): any[] {
  return Object.values(resources(template, 'AWS::Lambda::Permission')).map(({ Properties: { FunctionName, SourceArn, ...rest } }) => ({ ...rest, ...(SourceArn && { SourceArn: rendered(SourceArn) }) }));
}

describe('WebhookAccess.restApi', () => {
  test('is edge-optimised, throttled, and takes POST /webhook only', () => {
    const { template, url } = bound(() => WebhookAccess.restApi());
    expect(only(template, 'AWS::ApiGateway::RestApi', 'AccessApi').Properties).toEqual({
      Name: expect.stringMatching(/^Stack-Access-/),
      Description: 'Webhook of a LINE channel',
      DisableExecuteApiEndpoint: false,
      EndpointConfiguration: { Types: ['EDGE'] },
    });
    expect(only(template, 'AWS::ApiGateway::Stage', 'Access').Properties).toMatchObject({
      StageName: 'prod',
      MethodSettings: [{ DataTraceEnabled: false, HttpMethod: '*', ResourcePath: '/*', ThrottlingBurstLimit: 2000, ThrottlingRateLimit: 1000 }],
    });
    expect(Object.values(resources(template, 'AWS::ApiGateway::Method')).map(({ Properties }) => [Properties.HttpMethod, Properties.AuthorizationType, Properties.Integration.Type]))
      .toEqual([['POST', 'NONE', 'AWS_PROXY']]);
    expect(url).toMatch(/^https:\/\/<AccessApi\w+>\.execute-api\.<AWS::Region>\.<AWS::URLSuffix>\/<AccessApiDeploymentStageprod\w+>\/webhook$/);
  });

  test('lets its own POST /webhook invoke the receiver, and not the console', () => {
    const { template } = bound(() => WebhookAccess.restApi());
    expect(permissions(template)).toEqual([{
      Action: 'lambda:InvokeFunction',
      Principal: 'apigateway.amazonaws.com',
      SourceArn: expect.stringMatching(/^arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<AccessApi\w+>\/<AccessApiDeploymentStageprod\w+>\/POST\/webhook$/),
    }]);
  });

  test("leaves the account's role for API Gateway alone, filters no address and makes no output", () => {
    const { template } = bound(() => WebhookAccess.restApi());
    template.resourceCountIs('AWS::ApiGateway::Account', 0);
    template.resourceCountIs('AWS::WAFv2::WebACLAssociation', 0);
    expect(only(template, 'AWS::ApiGateway::RestApi', 'AccessApi').Properties).not.toHaveProperty('Policy');
    expect(template.toJSON()).not.toHaveProperty('Outputs');
  });

  test('takes endpoint type, throttling and a log group for access logs', () => {
    const { template } = bound((stack) => WebhookAccess.restApi({
      endpointType: apigateway.EndpointType.REGIONAL,
      throttlingRateLimit: 10,
      throttlingBurstLimit: 20,
      accessLogGroup: new logs.LogGroup(stack, 'Logs'),
    }));
    expect(only(template, 'AWS::ApiGateway::RestApi', 'AccessApi').Properties.EndpointConfiguration).toEqual({ Types: ['REGIONAL'] });
    expect(only(template, 'AWS::ApiGateway::Stage', 'Access').Properties).toMatchObject({
      AccessLogSetting: { DestinationArn: { 'Fn::GetAtt': [expect.stringMatching(/^Logs/), 'Arn'] }, Format: expect.stringContaining('requestId') },
      MethodSettings: [{ ThrottlingBurstLimit: 20, ThrottlingRateLimit: 10 }],
    });
    template.resourceCountIs('AWS::ApiGateway::Account', 0);
  });

  test.each([apigateway.EndpointType.EDGE, apigateway.EndpointType.REGIONAL])('takes a domain, %s, by TLS 1.2 only, and says where to point its record', (endpointType) => {
    const { template, url } = bound((stack) => WebhookAccess.restApi({ domain: domainIn(stack), endpointType }));
    expect(only(template, 'AWS::ApiGateway::DomainName', 'Access').Properties).toMatchObject({
      DomainName: 'line.example.com', SecurityPolicy: 'TLS_1_2', EndpointConfiguration: { Types: [endpointType] },
    });
    template.resourceCountIs('AWS::ApiGateway::BasePathMapping', 1);
    expect(only(template, 'AWS::ApiGateway::RestApi', 'AccessApi').Properties.DisableExecuteApiEndpoint).toBe(true);
    expect(url).toBe('https://line.example.com/webhook');
    const [output] = Object.values(template.findOutputs('*', { Description: 'Point the DNS record of the webhook\'s domain name here' }));
    expect(output.Value['Fn::GetAtt'][1]).toBe(endpointType === apigateway.EndpointType.EDGE ? 'DistributionDomainName' : 'RegionalDomainName');
  });

  test.each([
    [undefined, 'arn:<AWS::Partition>:apigateway:<AWS::Region>::/restapis/'],
    ['us-gov-west-1', 'arn:<AWS::Partition>:apigateway:us-gov-west-1::/restapis/'],
  ])('puts the web ACL in front of its stage in region %p', (region, arn) => {
    const { template } = bound(() => WebhookAccess.restApi({ webAclArn: WEB_ACL }), testStack(region ? { env: { region, account: '123456789012' } } : {}));
    const association = only(template, 'AWS::WAFv2::WebACLAssociation', 'Access').Properties;
    expect(association.WebACLArn).toBe(WEB_ACL);
    expect(rendered(association.ResourceArn)).toMatch(new RegExp(`^${arn}<AccessApi\\w+>/stages/<AccessApiDeploymentStageprod\\w+>$`));
  });

  test('takes parameters for what it checks', () => {
    const { template } = bound((stack) => WebhookAccess.restApi({
      throttlingRateLimit: new CfnParameter(stack, 'Rate', { type: 'Number' }).valueAsNumber,
      throttlingBurstLimit: new CfnParameter(stack, 'Burst', { type: 'Number' }).valueAsNumber,
      webAclArn: new CfnParameter(stack, 'WebAcl').valueAsString,
    }));
    expect(only(template, 'AWS::ApiGateway::Stage', 'Access').Properties.MethodSettings[0]).toMatchObject({ ThrottlingRateLimit: { Ref: 'Rate' }, ThrottlingBurstLimit: { Ref: 'Burst' } });
  });
});

describe('WebhookAccess.httpApi', () => {
  test('is throttled, takes POST /webhook only and hands the body over in format 2.0', () => {
    const { template, url } = bound(() => WebhookAccess.httpApi());
    expect(only(template, 'AWS::ApiGatewayV2::Api', 'AccessApi').Properties).toEqual({
      Name: expect.stringMatching(/^Stack-Access-/), Description: 'Webhook of a LINE channel', DisableExecuteApiEndpoint: false, ProtocolType: 'HTTP',
    });
    expect(only(template, 'AWS::ApiGatewayV2::Stage', 'AccessStage').Properties).toEqual({
      ApiId: { Ref: expect.stringMatching(/^AccessApi/) },
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingBurstLimit: 2000, ThrottlingRateLimit: 1000 },
      StageName: '$default',
    });
    expect(Object.values(resources(template, 'AWS::ApiGatewayV2::Route')).map(({ Properties }) => [Properties.RouteKey, Properties.AuthorizationType])).toEqual([['POST /webhook', 'NONE']]);
    expect(only(template, 'AWS::ApiGatewayV2::Integration', 'Access').Properties).toMatchObject({ IntegrationType: 'AWS_PROXY', PayloadFormatVersion: '2.0' });
    expect(url).toMatch(/^https:\/\/<AccessApi\w+>\.execute-api\.<AWS::Region>\.<AWS::URLSuffix>\/webhook$/);
    expect(permissions(template)).toEqual([{
      Action: 'lambda:InvokeFunction',
      Principal: 'apigateway.amazonaws.com',
      SourceArn: expect.stringMatching(/^arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<AccessApi\w+>\/\*\/\*\/webhook$/),
    }]);
  });

  test('takes throttling, a log group for access logs and a domain', () => {
    const { template, url } = bound((stack) => WebhookAccess.httpApi({
      throttlingRateLimit: 10, throttlingBurstLimit: 20, accessLogGroup: new logs.LogGroup(stack, 'Logs'), domain: domainIn(stack),
    }));
    expect(only(template, 'AWS::ApiGatewayV2::Stage', 'AccessStage').Properties).toMatchObject({
      AccessLogSettings: { DestinationArn: { 'Fn::GetAtt': [expect.stringMatching(/^Logs/), 'Arn'] } },
      DefaultRouteSettings: { ThrottlingBurstLimit: 20, ThrottlingRateLimit: 10 },
    });
    expect(only(template, 'AWS::ApiGatewayV2::DomainName', 'AccessDomainName').Properties).toMatchObject({
      DomainName: 'line.example.com', DomainNameConfigurations: [{ EndpointType: 'REGIONAL' }],
    });
    template.resourceCountIs('AWS::ApiGatewayV2::ApiMapping', 1);
    expect(only(template, 'AWS::ApiGatewayV2::Api', 'AccessApi').Properties.DisableExecuteApiEndpoint).toBe(true);
    expect(url).toBe('https://line.example.com/webhook');
    expect(Object.values(template.findOutputs('*', { Description: 'Point the DNS record of the webhook\'s domain name here' }))).toEqual([
      expect.objectContaining({ Value: { 'Fn::GetAtt': [expect.stringMatching(/^AccessDomainName/), 'RegionalDomainName'] } }),
    ]);
  });

  test('takes parameters for what it checks', () => {
    const { template } = bound((stack) => WebhookAccess.httpApi({ throttlingRateLimit: new CfnParameter(stack, 'Rate', { type: 'Number' }).valueAsNumber }));
    expect(only(template, 'AWS::ApiGatewayV2::Stage', 'AccessStage').Properties.DefaultRouteSettings.ThrottlingRateLimit).toEqual({ Ref: 'Rate' });
  });
});

describe.each([['restApi', WebhookAccess.restApi], ['httpApi', WebhookAccess.httpApi]])('WebhookAccess.%s', (_name, make) => {
  test.each([
    ['throttlingRateLimit', 0, 10_000], ['throttlingRateLimit', 10_001, 10_000], ['throttlingBurstLimit', 0, 5_000], ['throttlingBurstLimit', 5_001, 5_000],
  ])('fails for a %s of %p', (prop, value, most) => {
    expect(messageOf((stack) => { make({ [prop]: value }).bind(new Construct(stack, 'Access'), { handler: receiverIn(stack) }); }))
      .toBe(`Stack/Access: \`${prop}\` must be a whole number from 1 to ${most}, got ${value}`);
  });
});

describe('WebhookAccess.functionUrl', () => {
  test('opens a URL to anybody, since LINE cannot sign for AWS', () => {
    const { template, url } = bound(() => WebhookAccess.functionUrl());
    expect(Object.values(resources(template, 'AWS::Lambda::Url')).map(({ Properties }) => Properties.AuthType)).toEqual(['NONE']);
    expect(url).toMatch(/^<ReceiverFunctionUrl\w+\.FunctionUrl>$/);
    // Source: AWS Lambda, "Control access to Lambda function URLs": since October 2025 both permissions are needed.
    expect(permissions(template)).toEqual(expect.arrayContaining([
      { Action: 'lambda:InvokeFunctionUrl', FunctionUrlAuthType: 'NONE', Principal: '*' },
      { Action: 'lambda:InvokeFunction', InvokedViaFunctionUrl: true, Principal: '*' },
    ]));
    expect(permissions(template)).toHaveLength(2);
  });
});

describe('WebhookAccess.none', () => {
  test('makes nothing and has no URL', () => {
    const stack = testStack();
    const scope = new Construct(stack, 'Access');
    expect(WebhookAccess.none().bind(scope, { handler: receiverIn(stack) })).toEqual({});
    expect(scope.node.children).toEqual([]);
    expect(permissions(Template.fromStack(stack))).toEqual([]);
  });
});

describe('fails for what LINE or API Gateway would refuse', () => {
  test('a private API', () => {
    expect(() => new LineChannel(testStack(), 'Line', { webhookAccess: WebhookAccess.restApi({ endpointType: apigateway.EndpointType.PRIVATE }) }))
      .toThrow('`endpointType` must be EDGE or REGIONAL, got PRIVATE: LINE calls from the internet');
  });

  test('an edge-optimised API with a certificate of another region', () => {
    const stack = testStack();
    const certificate = acm.Certificate.fromCertificateArn(stack, 'Certificate', 'arn:aws:acm:ap-northeast-1:123456789012:certificate/1');
    const domain = { domainName: 'line.example.com', certificate };
    expect(() => new LineChannel(stack, 'Edge', { webhookAccess: WebhookAccess.restApi({ domain }) }))
      .toThrow('`domain.certificate` of an edge-optimised API must be in us-east-1, got one in ap-northeast-1');
    new LineChannel(stack, 'Regional', { webhookAccess: WebhookAccess.restApi({ domain, endpointType: apigateway.EndpointType.REGIONAL }) });
  });
});
