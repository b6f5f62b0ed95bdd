"""idm/nn"""
