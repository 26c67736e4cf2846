"""`imgc.lock`: what had to be looked up once, so that compiling never has to."""
