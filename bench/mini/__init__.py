"""The mini set and its networks: what ImageNet is not needed for. Images, labels, weights, and what made them.

draw.py            draws a set: images, classes, labels, blacklist
make.sh            draws both sets and trains the networks
mini_val.tar       the set that evaluations run on
*.safetensors      the weights of the networks
"""
