#!/bin/sh
exec qvm-features-request --commit
