import { App, Stack } from 'aws-cdk-lib';
import { LineChannel } from 'cdk-line-pinpoint';

const app = new App();
const stack = new Stack(app, 'LineMinimal');

new LineChannel(stack, 'Line');
